use super::{
    super::{Position, error::ParseError},
    lexer::{Dialect, Lexer},
    token::Token,
};

impl Lexer<'_> {
    /// Reads a quoted string and resolves its escapes.
    ///
    /// In HCL, `${...}` is kept verbatim: quotes and line ends are ordinary characters in it, and
    /// escapes must be valid but are not resolved.
    pub(super) fn string(&mut self) -> Result<Token, ParseError> {
        let start = self.at();
        let mut bytes = Vec::new();
        let mut braces = 0_usize;
        self.bump();
        loop {
            let at = self.at();
            let Some(character) = self.bump() else {
                return Err(unterminated_string(start));
            };
            match character {
                '"' if braces == 0 => break,
                '\n' if braces == 0 => return Err(unterminated_string(start)),
                '\\' => self.escape(at, braces > 0, &mut bytes)?,
                '\u{fffd}' if braces > 0 => {
                    return Err(ParseError::new(at, "Vault cannot read U+FFFD inside of `${...}`"));
                }
                _ => {
                    push(&mut bytes, character);
                    braces = match character {
                        '$' if braces == 0 && self.interpolates() => {
                            self.bump();
                            bytes.push(b'{');
                            1
                        }
                        '{' if braces > 0 => braces + 1,
                        '}' if braces > 0 => braces - 1,
                        _ => braces,
                    };
                }
            }
        }
        Ok(Token::Text(String::from_utf8_lossy(&bytes).into_owned()))
    }

    fn interpolates(&self) -> bool {
        self.dialect == Dialect::Hcl && self.peek_char() == Some('{')
    }

    /// Reads an escape after the backslash at `at`; `raw` keeps it verbatim.
    fn escape(&mut self, at: Position, raw: bool, bytes: &mut Vec<u8>) -> Result<(), ParseError> {
        let start = self.rest();
        let kind = self.bump().ok_or_else(|| unknown(at))?;
        let mut resolved = Vec::new();
        match kind {
            'a' => resolved.push(0x07),
            'b' => resolved.push(0x08),
            'f' => resolved.push(0x0c),
            'n' => resolved.push(b'\n'),
            'r' => resolved.push(b'\r'),
            't' => resolved.push(b'\t'),
            'v' => resolved.push(0x0b),
            '\\' => resolved.push(b'\\'),
            '"' => resolved.push(b'"'),
            '0'..='7' => resolved.push(octal(start).ok_or_else(|| unknown(at))?),
            'x' => {
                let byte = hexadecimal(start, 2).and_then(|code| u8::try_from(code).ok());
                resolved.push(byte.ok_or_else(|| unknown(at))?);
            }
            'u' => push(&mut resolved, self.code_point(at, start, 4)?),
            'U' => push(&mut resolved, self.code_point(at, start, 8)?),
            _ => return Err(unknown(at)),
        }
        let length = match kind {
            '0'..='7' | 'x' => 3,
            'u' => 5,
            'U' => 9,
            _ => kind.len_utf8(),
        };
        self.take_bytes(length - kind.len_utf8());
        if raw {
            bytes.push(b'\\');
            bytes.extend_from_slice(start.get(..length).unwrap_or_default().as_bytes());
        } else {
            bytes.append(&mut resolved);
        }
        Ok(())
    }

    fn code_point(&self, at: Position, text: &str, digits: usize) -> Result<char, ParseError> {
        let code = hexadecimal(text, digits).ok_or_else(|| unknown(at))?;
        match code {
            // HCL replaces a lone surrogate with U+FFFD; its JSON parser rejects it.
            0xd800..=0xdfff if self.dialect == Dialect::Hcl => Ok('\u{fffd}'),
            _ => char::from_u32(code)
                .ok_or_else(|| ParseError::new(at, "expected a valid code point in the escape")),
        }
    }
}

fn unterminated_string(start: Position) -> ParseError {
    ParseError::new(start, "expected `\"` at the end of the string, on the same line")
}

fn unknown(at: Position) -> ParseError {
    let known = r#"\a \b \f \n \r \t \v \\ \" \101 \x41 \u0041 or \U00000041"#;
    ParseError::new(at, format!("expected one of {known} after the backslash"))
}

fn push(bytes: &mut Vec<u8>, character: char) {
    bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}

/// Parses three octal digits at the start of `text`, up to 377.
fn octal(text: &str) -> Option<u8> {
    let digits = text.get(..3).filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))?;
    u8::from_str_radix(digits, 8).ok()
}

/// Parses `count` hexadecimal digits after the first character of `text`.
fn hexadecimal(text: &str, count: usize) -> Option<u32> {
    let digits = text.get(1..=count)?;
    let valid = digits.bytes().all(|b| b.is_ascii_hexdigit());
    valid.then(|| u32::from_str_radix(digits, 16).ok()).flatten()
}

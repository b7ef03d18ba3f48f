use super::{
    super::{Position, Spanned, error::ParseError},
    token::Token,
};

/// The language of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Hcl,
    Json,
}

/// Splits a text into tokens, with one token of lookahead.
pub(super) struct Lexer<'a> {
    rest: &'a str,
    at: Position,
    peeked: Option<Spanned<Token>>,
    pub(super) dialect: Dialect,
}

impl<'a> Lexer<'a> {
    /// Creates a lexer. Fails on characters that no token may contain.
    pub(super) fn new(text: &'a str, dialect: Dialect) -> Result<Self, ParseError> {
        let mut at = Position::START;
        for character in text.chars() {
            match (character, dialect) {
                ('\0', _) => return Err(ParseError::new(at, "unexpected null character")),
                ('\u{e123}', Dialect::Hcl) => {
                    return Err(ParseError::new(at, "U+E123 is reserved for HCL itself"));
                }
                _ => at = at.after(character),
            }
        }
        Ok(Self { rest: text, at: Position::START, peeked: None, dialect })
    }

    /// Returns the next token without consuming it.
    pub(super) fn peek(&mut self) -> Result<&Spanned<Token>, ParseError> {
        let token = match self.peeked.take() {
            Some(token) => token,
            None => self.token()?,
        };
        Ok(self.peeked.insert(token))
    }

    /// Consumes the next token. At the end of the text it is always [`Token::End`].
    pub(super) fn next(&mut self) -> Result<Spanned<Token>, ParseError> {
        match self.peeked.take() {
            Some(token) => Ok(token),
            None => self.token(),
        }
    }

    /// Consumes the next token if it equals `wanted`.
    pub(super) fn take(&mut self, wanted: &Token) -> Result<bool, ParseError> {
        let found = self.peek()?.value == *wanted;
        if found {
            self.peeked = None;
        }
        Ok(found)
    }

    fn token(&mut self) -> Result<Spanned<Token>, ParseError> {
        self.skip_blank()?;
        let at = self.at;
        let token = match self.peek_char() {
            None => Token::End,
            Some(c) if c.is_ascii_alphabetic() || c == '_' => self.word(),
            Some('0'..='9' | '-' | '.') => self.number()?,
            Some('"') => self.string()?,
            Some('<') if self.dialect == Dialect::Hcl => self.heredoc()?,
            Some(c) => self.punctuation(c)?,
        };
        Ok(Spanned::new(token, at))
    }

    fn word(&mut self) -> Token {
        let word = self.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
        match (word, self.dialect) {
            ("true", _) => Token::Bool(true),
            ("false", _) => Token::Bool(false),
            ("null", Dialect::Json) => Token::Null,
            _ => Token::Word(word.to_owned()),
        }
    }

    fn punctuation(&mut self, character: char) -> Result<Token, ParseError> {
        let token = match (character, self.dialect) {
            ('{', _) => Token::BlockStart,
            ('}', _) => Token::BlockEnd,
            ('[', _) => Token::ListStart,
            (']', _) => Token::ListEnd,
            (',', _) => Token::Comma,
            ('=', Dialect::Hcl) => Token::Assign,
            (':', Dialect::Json) => Token::Colon,
            _ => return Err(self.unexpected(character)),
        };
        self.bump();
        Ok(token)
    }

    fn unexpected(&self, character: char) -> ParseError {
        let hint = match character {
            '\u{feff}' => ": save the text without a byte order punctuation",
            '\'' | '`' | '\u{201c}' | '\u{201d}' => ": strings are in double quotes (\")",
            _ if character.is_alphabetic() => ": quote words with non-ASCII letters",
            _ => "",
        };
        ParseError::new(
            self.at,
            format!("unexpected character `{}`{hint}", character.escape_debug()),
        )
    }

    fn skip_blank(&mut self) -> Result<(), ParseError> {
        loop {
            self.take_while(|c| matches!(c, ' ' | '\t' | '\r' | '\n'));
            if self.dialect == Dialect::Json {
                return Ok(());
            }
            if self.rest.starts_with('#') || self.rest.starts_with("//") {
                self.take_while(|c| c != '\n');
            } else if self.rest.starts_with("/*") {
                self.skip_comment()?;
            } else {
                return Ok(());
            }
        }
    }

    fn skip_comment(&mut self) -> Result<(), ParseError> {
        let inside = self.rest.get(2..).unwrap_or_default();
        let Some(end) = inside.find("*/") else {
            return Err(ParseError::new(self.at, "expected `*/` at the end of the comment"));
        };
        self.take_bytes(2 + end + 2);
        Ok(())
    }

    /// Returns the remaining text.
    pub(super) fn rest(&self) -> &'a str {
        self.rest
    }

    /// Returns the position of the remaining text.
    pub(super) fn at(&self) -> Position {
        self.at
    }

    pub(super) fn peek_char(&self) -> Option<char> {
        self.rest.chars().next()
    }

    pub(super) fn bump(&mut self) -> Option<char> {
        let mut characters = self.rest.chars();
        let character = characters.next()?;
        self.rest = characters.as_str();
        self.at = self.at.after(character);
        Some(character)
    }

    /// Consumes this character if it is the next.
    pub(super) fn eat(&mut self, wanted: char) -> bool {
        let found = self.peek_char() == Some(wanted);
        if found {
            self.bump();
        }
        found
    }

    pub(super) fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !wanted(c)).unwrap_or(self.rest.len());
        self.take_bytes(end)
    }

    /// Consumes `count` bytes, which must end at a character boundary.
    pub(super) fn take_bytes(&mut self, count: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at_checked(count).unwrap_or((self.rest, ""));
        self.at = taken.chars().fold(self.at, Position::after);
        self.rest = rest;
        taken
    }
}

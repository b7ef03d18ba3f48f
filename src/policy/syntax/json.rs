use super::{
    super::{HclItem, HclValue, Position, Spanned, error::ParseError},
    flatten::flatten,
    lexer::{Dialect, Lexer},
    nest,
    token::Token,
};

/// Parses a JSON text into the items that HCL would have.
///
/// HCL's own JSON parser is lax: it silently stops at the first surplus `}`, accepts a truncated
/// text, and drops booleans in lists. This parser requires a complete text. A trailing comma in a
/// list or an object is accepted.
pub(super) fn items(text: &str) -> Result<Vec<HclItem>, ParseError> {
    let mut parser = JsonParser { lexer: Lexer::new(text, Dialect::Json)? };
    let start = parser.lexer.next()?;
    if start.value != Token::BlockStart {
        return Err(ParseError::expected(start.at, "`{`", start.value));
    }
    let items = parser.object(0)?;
    let end = parser.lexer.next()?;
    match end.value {
        Token::End => flatten(items),
        found => Err(ParseError::expected(end.at, "the end of the text after the object", found)),
    }
}

struct JsonParser<'a> {
    lexer: Lexer<'a>,
}

impl JsonParser<'_> {
    fn object(&mut self, depth: usize) -> Result<Vec<HclItem>, ParseError> {
        let mut items = Vec::new();
        loop {
            let Spanned { value: token, at } = self.lexer.next()?;
            match token {
                Token::BlockEnd => return Ok(items),
                Token::Text(key) => {
                    let keys = vec![Spanned::new(key.into(), at)];
                    self.colon()?;
                    items.push(HclItem { keys, value: self.value(depth)? });
                }
                found => return Err(ParseError::expected(at, "a key in quotes or `}`", found)),
            }
            if !self.separated(&Token::BlockEnd, "`,` or `}` in the object")? {
                return Ok(items);
            }
        }
    }

    fn list(&mut self, at: Position, depth: usize) -> Result<Spanned<HclValue>, ParseError> {
        let mut values = Vec::new();
        while !self.lexer.take(&Token::ListEnd)? {
            if let Some(null) = Some(self.lexer.peek()?).filter(|next| next.value == Token::Null) {
                return Err(ParseError::expected(null.at, "a value in the list", Token::Null));
            }
            let value = self.value(depth)?;
            if let HclValue::Bool(_) | HclValue::List(_) = value.value {
                let message = format!("Vault cannot read {} in a list of JSON", value.value);
                return Err(ParseError::new(value.at, message));
            }
            values.push(value);
            if !self.separated(&Token::ListEnd, "`,` or `]` in the list")? {
                break;
            }
        }
        Ok(Spanned::new(HclValue::List(values), at))
    }

    fn value(&mut self, depth: usize) -> Result<Spanned<HclValue>, ParseError> {
        let Spanned { value: token, at } = self.lexer.next()?;
        let value = match token {
            Token::Text(text) => HclValue::Text(text),
            Token::Null => HclValue::Text(String::new()),
            Token::Integer(text) => HclValue::Integer(text),
            Token::Float(text) => HclValue::Float(text),
            Token::Bool(value) => HclValue::Bool(value),
            Token::BlockStart => HclValue::Block(self.object(nest(depth, at)?)?),
            Token::ListStart => return self.list(at, nest(depth, at)?),
            found => return Err(ParseError::expected(at, "a value", found)),
        };
        Ok(Spanned::new(value, at))
    }

    fn colon(&mut self) -> Result<(), ParseError> {
        let colon = self.lexer.next()?;
        match colon.value {
            Token::Colon => Ok(()),
            found => Err(ParseError::expected(colon.at, "`:` after the key", found)),
        }
    }

    /// Consumes a comma and returns true, or consumes `end` and returns false.
    fn separated(&mut self, end: &Token, expected: &str) -> Result<bool, ParseError> {
        let Spanned { value: token, at } = self.lexer.next()?;
        if token == *end {
            return Ok(false);
        }
        match token {
            Token::Comma => Ok(true),
            found => Err(ParseError::expected(at, expected, found)),
        }
    }
}

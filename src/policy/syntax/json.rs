use super::{
    super::{HclItem, HclValue, Position, Spanned, error::ParseError},
    flatten::flatten,
    lexer::{Dialect, Lexer},
    nest,
    token::Token,
};

/// The items of a text in JSON, in the shape that HCL gives them.
///
/// HCL's own reader of JSON is lax: it stops at the first `}` too many, takes a text that ends too
/// early, and leaves out booleans in lists, each without a word. Here the text has to be complete.
/// A comma at the end of a list or an object is accepted.
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

    /// Takes a comma, which is true, or the end.
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

use super::{
    super::{At, Item, Position, Value, error::Fault},
    deeper,
    flatten::flatten,
    lexer::{Dialect, Lexer},
    token::Token,
};

/// The items of a text in JSON, in the shape that HCL gives them.
///
/// HCL's own reader of JSON is lax: it stops at the first `}` too many, takes a text that ends too
/// early, and leaves out booleans in lists, each without a word. Here the text has to be complete.
/// A comma at the end of a list or an object is accepted.
pub(super) fn items(text: &str) -> Result<Vec<Item>, Fault> {
    let mut parser = Parser { lexer: Lexer::new(text, Dialect::Json)? };
    let start = parser.lexer.next()?;
    if start.value != Token::BlockStart {
        return Err(Fault::expected(start.at, "`{`", start.value));
    }
    let items = parser.object(0)?;
    let end = parser.lexer.next()?;
    match end.value {
        Token::End => flatten(items),
        found => Err(Fault::expected(end.at, "the end of the text after the object", found)),
    }
}

struct Parser<'a> {
    lexer: Lexer<'a>,
}

impl Parser<'_> {
    fn object(&mut self, depth: usize) -> Result<Vec<Item>, Fault> {
        let mut items = Vec::new();
        loop {
            let At { value: token, at } = self.lexer.next()?;
            match token {
                Token::BlockEnd => return Ok(items),
                Token::Text(key) => {
                    let keys = vec![At::new(key.into(), at)];
                    self.colon()?;
                    items.push(Item { keys, value: self.value(depth)? });
                }
                found => return Err(Fault::expected(at, "a key in quotes or `}`", found)),
            }
            if !self.separated(&Token::BlockEnd, "`,` or `}` in the object")? {
                return Ok(items);
            }
        }
    }

    fn list(&mut self, at: Position, depth: usize) -> Result<At<Value>, Fault> {
        let mut values = Vec::new();
        while !self.lexer.take(&Token::ListEnd)? {
            if let Some(null) = Some(self.lexer.peek()?).filter(|next| next.value == Token::Null) {
                return Err(Fault::expected(null.at, "a value in the list", Token::Null));
            }
            let value = self.value(depth)?;
            if let Value::Bool(_) | Value::List(_) = value.value {
                let message = format!("Vault cannot read {} in a list of JSON", value.value);
                return Err(Fault::new(value.at, message));
            }
            values.push(value);
            if !self.separated(&Token::ListEnd, "`,` or `]` in the list")? {
                break;
            }
        }
        Ok(At::new(Value::List(values), at))
    }

    fn value(&mut self, depth: usize) -> Result<At<Value>, Fault> {
        let At { value: token, at } = self.lexer.next()?;
        let value = match token {
            Token::Text(text) => Value::Text(text),
            Token::Null => Value::Text(String::new()),
            Token::Integer(text) => Value::Integer(text),
            Token::Float(text) => Value::Float(text),
            Token::Bool(value) => Value::Bool(value),
            Token::BlockStart => Value::Block(self.object(deeper(depth, at)?)?),
            Token::ListStart => return self.list(at, deeper(depth, at)?),
            found => return Err(Fault::expected(at, "a value", found)),
        };
        Ok(At::new(value, at))
    }

    fn colon(&mut self) -> Result<(), Fault> {
        let colon = self.lexer.next()?;
        match colon.value {
            Token::Colon => Ok(()),
            found => Err(Fault::expected(colon.at, "`:` after the key", found)),
        }
    }

    /// Takes a comma, which is true, or the end.
    fn separated(&mut self, end: &Token, expected: &str) -> Result<bool, Fault> {
        let At { value: token, at } = self.lexer.next()?;
        if token == *end {
            return Ok(false);
        }
        match token {
            Token::Comma => Ok(true),
            found => Err(Fault::expected(at, expected, found)),
        }
    }
}

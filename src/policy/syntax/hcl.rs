use std::sync::Arc;

use super::{
    super::{
        At, Item, Position, Value,
        error::{Fault, Quoted},
    },
    KEYS, deeper,
    lexer::{Dialect, Lexer},
    token::Token,
};

/// The items of a text in HCL 1.
pub(super) fn items(text: &str) -> Result<Vec<Item>, Fault> {
    let mut parser = Parser { lexer: Lexer::new(text, Dialect::Hcl)? };
    parser.items(&Token::End, 0)
}

struct Parser<'a> {
    lexer: Lexer<'a>,
}

impl Parser<'_> {
    /// Items up to `end`, which is taken. One comma may stand after each.
    fn items(&mut self, end: &Token, depth: usize) -> Result<Vec<Item>, Fault> {
        let mut items = Vec::new();
        while !self.lexer.take(end)? {
            items.push(self.item(end, depth)?);
            self.lexer.take(&Token::Comma)?;
        }
        Ok(items)
    }

    fn item(&mut self, end: &Token, depth: usize) -> Result<Item, Fault> {
        let mut keys = Vec::new();
        loop {
            let At { value: token, at } = self.lexer.next()?;
            match token {
                Token::Word(key) | Token::Text(key) if keys.len() < KEYS => {
                    keys.push(At::new(key.into(), at));
                }
                Token::Word(_) | Token::Text(_) => {
                    return Err(Fault::new(at, format!("expected at most {KEYS} labels")));
                }
                Token::Assign if keys.len() == 1 => {
                    return Ok(Item { keys, value: self.value(depth)? });
                }
                Token::BlockStart if !keys.is_empty() => {
                    return Ok(Item { keys, value: self.block(at, depth)? });
                }
                found => return Err(unexpected(&keys, end, at, &found)),
            }
        }
    }

    fn value(&mut self, depth: usize) -> Result<At<Value>, Fault> {
        let At { value: token, at } = self.lexer.next()?;
        let value = match token {
            Token::Text(text) | Token::Heredoc(text) => Value::Text(text),
            Token::Integer(text) => Value::Integer(text),
            Token::Float(text) => Value::Float(text),
            Token::Bool(value) => Value::Bool(value),
            Token::BlockStart => return self.block(at, depth),
            Token::ListStart => return self.list(at, depth),
            Token::Word(word) => {
                return Err(Fault::expected(
                    at,
                    "a value",
                    format_args!("{} without quotes", Quoted(&word)),
                ));
            }
            found => return Err(Fault::expected(at, "a value", found)),
        };
        Ok(At::new(value, at))
    }

    fn block(&mut self, at: Position, depth: usize) -> Result<At<Value>, Fault> {
        let depth = deeper(depth, at)?;
        Ok(At::new(Value::Block(self.items(&Token::BlockEnd, depth)?), at))
    }

    fn list(&mut self, at: Position, depth: usize) -> Result<At<Value>, Fault> {
        let depth = deeper(depth, at)?;
        let mut values: Vec<At<Value>> = Vec::new();
        // Vault wants a comma after every value but a list.
        let mut complete = true;
        loop {
            if self.lexer.take(&Token::ListEnd)? {
                return Ok(At::new(Value::List(values), at));
            }
            if self.lexer.take(&Token::Comma)? {
                complete = true;
            } else if complete {
                let value = self.value(depth)?;
                complete = matches!(value.value, Value::List(_));
                values.push(value);
            } else {
                let found = self.lexer.next()?;
                return Err(Fault::expected(found.at, "`,` or `]` in the list", found.value));
            }
        }
    }
}

fn unexpected(keys: &[At<Arc<str>>], end: &Token, at: Position, found: &Token) -> Fault {
    let key = || keys.iter().map(|key| &*key.value).collect::<Vec<_>>().join(" ");
    match (keys.len(), end) {
        (0, Token::End) => Fault::expected(at, "a key", found),
        (0, _) => Fault::expected(at, "a key or `}`", found),
        (1, _) => Fault::expected(at, &format!("`=` or `{{` after {}", Quoted(&key())), found),
        _ => Fault::expected(at, &format!("`{{` after {}", Quoted(&key())), found),
    }
}

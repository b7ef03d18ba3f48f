use std::sync::Arc;

use super::{
    super::{
        HclItem, HclValue, Position, Spanned,
        error::{ParseError, Quoted},
    },
    KEYS,
    lexer::{Dialect, Lexer},
    nest,
    token::Token,
};

/// Parses a text in HCL 1.
pub(super) fn items(text: &str) -> Result<Vec<HclItem>, ParseError> {
    let mut parser = HclParser { lexer: Lexer::new(text, Dialect::Hcl)? };
    parser.items(&Token::End, 0)
}

struct HclParser<'a> {
    lexer: Lexer<'a>,
}

impl HclParser<'_> {
    /// Parses items up to `end`, and consumes it. A comma may follow each.
    fn items(&mut self, end: &Token, depth: usize) -> Result<Vec<HclItem>, ParseError> {
        let mut items = Vec::new();
        while !self.lexer.take(end)? {
            items.push(self.item(end, depth)?);
            self.lexer.take(&Token::Comma)?;
        }
        Ok(items)
    }

    fn item(&mut self, end: &Token, depth: usize) -> Result<HclItem, ParseError> {
        let mut keys = Vec::new();
        loop {
            let Spanned { value: token, at } = self.lexer.next()?;
            match token {
                Token::Word(key) | Token::Text(key) if keys.len() < KEYS => {
                    keys.push(Spanned::new(key.into(), at));
                }
                Token::Word(_) | Token::Text(_) => {
                    return Err(ParseError::new(at, format!("expected at most {KEYS} labels")));
                }
                Token::Assign if keys.len() == 1 => {
                    return Ok(HclItem { keys, value: self.value(depth)? });
                }
                Token::BlockStart if !keys.is_empty() => {
                    return Ok(HclItem { keys, value: self.block(at, depth)? });
                }
                found => return Err(unexpected(&keys, end, at, &found)),
            }
        }
    }

    fn value(&mut self, depth: usize) -> Result<Spanned<HclValue>, ParseError> {
        let Spanned { value: token, at } = self.lexer.next()?;
        let value = match token {
            Token::Text(text) | Token::Heredoc(text) => HclValue::Text(text),
            Token::Integer(text) => HclValue::Integer(text),
            Token::Float(text) => HclValue::Float(text),
            Token::Bool(value) => HclValue::Bool(value),
            Token::BlockStart => return self.block(at, depth),
            Token::ListStart => return self.list(at, depth),
            Token::Word(word) => {
                return Err(ParseError::expected(
                    at,
                    "a value",
                    format_args!("{} without quotes", Quoted(&word)),
                ));
            }
            found => return Err(ParseError::expected(at, "a value", found)),
        };
        Ok(Spanned::new(value, at))
    }

    fn block(&mut self, at: Position, depth: usize) -> Result<Spanned<HclValue>, ParseError> {
        let depth = nest(depth, at)?;
        Ok(Spanned::new(HclValue::Block(self.items(&Token::BlockEnd, depth)?), at))
    }

    fn list(&mut self, at: Position, depth: usize) -> Result<Spanned<HclValue>, ParseError> {
        let depth = nest(depth, at)?;
        let mut values: Vec<Spanned<HclValue>> = Vec::new();
        // Vault requires a comma after every value except a list.
        let mut complete = true;
        loop {
            if self.lexer.take(&Token::ListEnd)? {
                return Ok(Spanned::new(HclValue::List(values), at));
            }
            if self.lexer.take(&Token::Comma)? {
                complete = true;
            } else if complete {
                let value = self.value(depth)?;
                complete = matches!(value.value, HclValue::List(_));
                values.push(value);
            } else {
                let found = self.lexer.next()?;
                return Err(ParseError::expected(found.at, "`,` or `]` in the list", found.value));
            }
        }
    }
}

fn unexpected(keys: &[Spanned<Arc<str>>], end: &Token, at: Position, found: &Token) -> ParseError {
    let key = || keys.iter().map(|key| &*key.value).collect::<Vec<_>>().join(" ");
    match (keys.len(), end) {
        (0, Token::End) => ParseError::expected(at, "a key", found),
        (0, _) => ParseError::expected(at, "a key or `}`", found),
        (1, _) => ParseError::expected(at, &format!("`=` or `{{` after {}", Quoted(&key())), found),
        _ => ParseError::expected(at, &format!("`{{` after {}", Quoted(&key())), found),
    }
}

use super::{
    super::error::{ParseError, Quoted},
    lexer::{Dialect, Lexer},
    token::Token,
};

impl Lexer<'_> {
    /// Reads a number and keeps its text. The range is checked where the value is used.
    pub(super) fn number(&mut self) -> Result<Token, ParseError> {
        let (start, at) = (self.rest(), self.at());
        self.eat('-');
        if self.dialect == Dialect::Hcl && self.rest().starts_with(['0']) {
            let prefix = self.rest().get(..2).unwrap_or_default();
            if prefix.eq_ignore_ascii_case("0x") {
                self.take_bytes(2);
                let digits = self.take_while(|c| c.is_ascii_hexdigit());
                self.some(digits, "a hexadecimal digit")?;
                return Ok(Token::Integer(self.since(start)));
            }
        }
        let whole = self.take_while(|c| c.is_ascii_digit());
        let fraction = self.eat('.');
        let after_point = self.take_while(|c| c.is_ascii_digit());
        if whole.is_empty() && (after_point.is_empty() || start.starts_with('-')) {
            return Err(ParseError::expected(at, "a digit", Quoted(&self.since(start))));
        }
        // HCL reads `.5e1` as two numbers, which no grammar rule accepts.
        let exponent = !whole.is_empty() && (self.eat('e') || self.eat('E'));
        if exponent {
            let _sign = self.eat('-') || self.eat('+');
            let digits = self.take_while(|c| c.is_ascii_digit());
            self.some(digits, "a digit of the exponent")?;
        }
        let text = self.since(start);
        if fraction || exponent {
            return Ok(Token::Float(text));
        }
        if whole.len() > 1 && whole.starts_with('0') {
            self.leading_zero(at, whole)?;
        }
        Ok(Token::Integer(text))
    }

    fn leading_zero(&self, at: super::Position, digits: &str) -> Result<(), ParseError> {
        match self.dialect {
            Dialect::Json => Err(ParseError::new(at, "a number cannot begin with 0")),
            Dialect::Hcl if digits.contains(['8', '9']) => Err(ParseError::new(
                at,
                "a number that begins with 0 is octal and cannot contain 8 or 9",
            )),
            Dialect::Hcl => Ok(()),
        }
    }

    fn some(&self, digits: &str, expected: &str) -> Result<(), ParseError> {
        if !digits.is_empty() {
            return Ok(());
        }
        let found = self.peek_char().map_or("the end of the text".into(), |c| format!("`{c}`"));
        Err(ParseError::expected(self.at(), expected, found))
    }

    /// Returns the text consumed since `start` was the rest.
    fn since(&self, start: &str) -> String {
        let length = start.len() - self.rest().len();
        start.get(..length).unwrap_or_default().to_owned()
    }
}

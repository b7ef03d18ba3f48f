use super::{
    super::error::{ParseError, Quoted},
    lexer::Lexer,
    token::Token,
};

impl Lexer<'_> {
    /// Reads a heredoc: `<<NAME`, the lines after it, and a line that is `NAME` again, with any
    /// indentation. `<<-NAME` removes the indentation of that line from all lines.
    pub(super) fn heredoc(&mut self) -> Result<Token, ParseError> {
        let start = self.at();
        self.bump();
        if !self.eat('<') {
            return Err(ParseError::new(
                self.at(),
                "expected `<<` and a name at the start of a heredoc",
            ));
        }
        let indented = self.eat('-');
        let name = self.take_while(|c| c.is_ascii_alphanumeric() || c == '_');
        let crlf = self.eat('\r');
        if name.is_empty() || !self.eat('\n') {
            return Err(ParseError::new(
                start,
                "expected a name and the end of the line after `<<`",
            ));
        }
        let body = self.rest();
        // Vault counts the dash as part of the name when it searches for the end.
        let shortest = name.len() + usize::from(indented);
        loop {
            let Some(end) = self.rest().find('\n') else {
                return Err(ParseError::new(
                    start,
                    format!("unterminated heredoc: expected a line {}", Quoted(name)),
                ));
            };
            let length = body.len() - self.rest().len();
            let at = self.at();
            let line = self.take_bytes(end + 1);
            let line = line.strip_suffix('\n').unwrap_or(line);
            let bare = line.trim_end_matches('\r');
            let indentation = bare.strip_suffix(name).filter(|before| before.trim().is_empty());
            let Some(indentation) = indentation.filter(|_| line.len() >= shortest) else {
                continue;
            };
            let body = body.get(..length).unwrap_or_default();
            // Vault has an off-by-one error here, and takes a part of the name for the text.
            if line.len() - bare.len() != usize::from(crlf) && body.is_empty() {
                return Err(ParseError::new(at, "expected the same line ending as after `<<`"));
            }
            return Ok(Token::Heredoc(value(body, indentation, indented)));
        }
    }
}

fn value(body: &str, indentation: &str, indented: bool) -> String {
    if !indented {
        return format!("{body}{indentation}");
    }
    let lines = body.split_inclusive('\n');
    let stripped: Option<String> = lines.map(|line| line.strip_prefix(indentation)).collect();
    stripped.unwrap_or_else(|| body.to_owned())
}

use std::{error::Error, fmt};

use super::Position;

/// The maximum number of characters of a line in an error.
const EXCERPT: usize = 100;

/// A syntax error in a policy.
///
/// Displays the position, what was expected, and the line with a caret under the position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    error: ParseError,
    excerpt: SourceExcerpt,
}

impl SyntaxError {
    pub(super) fn new(text: &str, error: ParseError) -> Self {
        Self { excerpt: SourceExcerpt::of(text, error.at), error }
    }

    /// Returns the position of the error.
    pub fn position(&self) -> Position {
        self.error.at
    }

    /// Returns the message, without position and excerpt.
    pub fn message(&self) -> &str {
        &self.error.message
    }

    /// Returns the remedy.
    pub fn remedy(&self) -> &str {
        &self.error.remedy
    }
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}\n{}", self.error.at, self.error.message, self.excerpt)
    }
}

impl Error for SyntaxError {}

/// A syntax error during parsing, before the excerpt is attached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ParseError {
    pub(super) at: Position,
    pub(super) message: String,
    remedy: String,
}

impl ParseError {
    pub(super) fn new(at: Position, message: impl Into<String>) -> Self {
        let remedy = "Vault stops parsing here and rejects the whole policy";
        Self { at, message: message.into(), remedy: remedy.to_owned() }
    }

    /// Returns the error with another remedy.
    pub(super) fn with_remedy(self, remedy: impl Into<String>) -> Self {
        Self { remedy: remedy.into(), ..self }
    }

    /// Creates an error for `found` in place of `expected`.
    pub(super) fn expected(at: Position, expected: &str, found: impl fmt::Display) -> Self {
        Self::new(at, format!("expected {expected}, found {found}"))
    }
}

/// Source text in a message: in backticks, escaped, and truncated.
pub(super) struct Quoted<'t>(pub(super) &'t str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(EXCERPT / 2) {
            None => write!(f, "`{}`", self.0.escape_debug()),
            Some((end, _)) => {
                write!(f, "`{}...`", self.0.get(..end).unwrap_or_default().escape_debug())
            }
        }
    }
}

/// The line of a position in a text, or the part of it around the position, with a caret under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SourceExcerpt {
    number: usize,
    line: String,
    /// The whitespace left of the caret.
    before: String,
}

impl SourceExcerpt {
    pub(super) fn of(text: &str, at: Position) -> Self {
        let line = text.split('\n').nth(at.line - 1).unwrap_or_default();
        let line = line.strip_suffix('\r').unwrap_or(line);
        let before = at.column - 1;
        let skipped = if before < EXCERPT { 0 } else { before - EXCERPT / 2 };
        // Tabs would shift the caret, and control characters would affect the terminal.
        let shown = |c: char| if c.is_control() { ' ' } else { c };
        let line: String = line.chars().skip(skipped).take(EXCERPT).map(shown).collect();
        let line = line.trim_end().to_owned();
        Self { number: at.line, line, before: " ".repeat(before - skipped) }
    }

    /// Returns the line as displayed.
    pub(super) fn line(&self) -> &str {
        &self.line
    }
}

impl fmt::Display for SourceExcerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, line, before } = self;
        let margin = " ".repeat(number.to_string().len());
        write!(f, "{margin} |\n{number} | {line}\n{margin} | {before}^")
    }
}

#[cfg(test)]
mod tests {
    use super::{ParseError, Position, SyntaxError};

    fn shown(text: &str, line: usize, column: usize) -> String {
        let error = ParseError::new(Position { line, column }, "no");
        SyntaxError::new(text, error).to_string()
    }

    #[test]
    fn caret_is_under_the_position() {
        assert_eq!(shown("a\r\n\tbä c\r\nd", 2, 5), "2:5: no\n  |\n2 |  bä c\n  |     ^");
    }

    #[test]
    fn position_after_the_end_is_shown() {
        assert_eq!(shown("a\n", 2, 1), "2:1: no\n  |\n2 | \n  | ^");
        assert_eq!(shown("", 1, 1), "1:1: no\n  |\n1 | \n  | ^");
    }

    #[test]
    fn long_line_is_truncated() {
        let text = format!("{}X{}", "a".repeat(100_000), "b".repeat(100_000));
        let shown = shown(&text, 1, 100_001);
        let lines: Vec<_> = shown.lines().collect();
        let caret = lines[3].find('^').unwrap();
        assert_eq!(&lines[2][caret..=caret], "X");
        assert!(lines[2].len() < 120, "{}", lines[2].len());
    }
}

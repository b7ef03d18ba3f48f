use std::{error::Error, fmt};

use super::Position;

/// The most characters of a line that an error shows.
const EXCERPT: usize = 100;

/// Why a text is no policy.
///
/// Shown, it has the position, what was expected, and the line with a caret under the place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    fault: ParseError,
    excerpt: SourceExcerpt,
}

impl SyntaxError {
    pub(super) fn new(text: &str, fault: ParseError) -> Self {
        Self { excerpt: SourceExcerpt::of(text, fault.at), fault }
    }

    /// Where the fault is.
    pub fn position(&self) -> Position {
        self.fault.at
    }

    /// What is wrong, without position and excerpt.
    pub fn message(&self) -> &str {
        &self.fault.message
    }

    /// What to do about it.
    pub fn remedy(&self) -> &str {
        &self.fault.remedy
    }
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}\n{}", self.fault.at, self.fault.message, self.excerpt)
    }
}

impl Error for SyntaxError {}

/// The same while the text is still being read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ParseError {
    pub(super) at: Position,
    pub(super) message: String,
    remedy: String,
}

impl ParseError {
    pub(super) fn new(at: Position, message: impl Into<String>) -> Self {
        let remedy = "Vault reads no further than this place, and refuses the whole policy";
        Self { at, message: message.into(), remedy: remedy.to_owned() }
    }

    /// The same fault with a remedy of its own.
    pub(super) fn with_remedy(self, remedy: impl Into<String>) -> Self {
        Self { remedy: remedy.into(), ..self }
    }

    /// `expected`, where `found` stands.
    pub(super) fn expected(at: Position, expected: &str, found: impl fmt::Display) -> Self {
        Self::new(at, format!("expected {expected}, found {found}"))
    }
}

/// Text of the source in a message: in backticks, printable, and not too long.
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

/// The line of a place in a text, or the part of it around that, with a caret under the place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SourceExcerpt {
    number: usize,
    line: String,
    /// What stands left of the caret.
    before: String,
}

impl SourceExcerpt {
    pub(super) fn of(text: &str, at: Position) -> Self {
        let line = text.split('\n').nth(at.line - 1).unwrap_or_default();
        let line = line.strip_suffix('\r').unwrap_or(line);
        let before = at.column - 1;
        let skipped = if before < EXCERPT { 0 } else { before - EXCERPT / 2 };
        // Tabs would move the caret, other control characters the terminal.
        let shown = |c: char| if c.is_control() { ' ' } else { c };
        let line: String = line.chars().skip(skipped).take(EXCERPT).map(shown).collect();
        let line = line.trim_end().to_owned();
        Self { number: at.line, line, before: " ".repeat(before - skipped) }
    }

    /// The line as it is shown.
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
        let fault = ParseError::new(Position { line, column }, "no");
        SyntaxError::new(text, fault).to_string()
    }

    #[test]
    fn the_caret_is_under_the_place() {
        assert_eq!(shown("a\r\n\tbä c\r\nd", 2, 5), "2:5: no\n  |\n2 |  bä c\n  |     ^");
    }

    #[test]
    fn a_place_after_the_end_can_be_shown() {
        assert_eq!(shown("a\n", 2, 1), "2:1: no\n  |\n2 | \n  | ^");
        assert_eq!(shown("", 1, 1), "1:1: no\n  |\n1 | \n  | ^");
    }

    #[test]
    fn of_a_long_line_only_the_surroundings_are_shown() {
        let text = format!("{}X{}", "a".repeat(100_000), "b".repeat(100_000));
        let shown = shown(&text, 1, 100_001);
        let lines: Vec<_> = shown.lines().collect();
        let caret = lines[3].find('^').unwrap();
        assert_eq!(&lines[2][caret..=caret], "X");
        assert!(lines[2].len() < 120, "{}", lines[2].len());
    }
}

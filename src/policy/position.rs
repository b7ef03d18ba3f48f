use std::fmt;

/// A position in a text. Both numbers start at 1; columns are counted in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The line number.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

impl Position {
    /// The position of the first character of a text.
    pub const START: Self = Self { line: 1, column: 1 };

    /// Returns the position of the byte at `offset` in a text.
    pub(super) fn of(text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        before.chars().fold(Self::START, Self::after)
    }

    /// Returns the position after `character`.
    pub(super) fn after(self, character: char) -> Self {
        match character {
            '\n' => Self { line: self.line + 1, column: 1 },
            _ => Self { column: self.column + 1, ..self },
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A value and its position in the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// The position of its first character.
    pub at: Position,
}

impl<T> Spanned<T> {
    /// Creates a value with its position.
    pub fn new(value: T, at: Position) -> Self {
        Self { value, at }
    }
}

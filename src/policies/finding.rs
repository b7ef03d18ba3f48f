use std::fmt;

use super::{Check, Position, Source, error::Excerpt};

/// Something in a file of policies that should be mended: where, what, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The check that found it.
    pub check: Check,
    /// The file.
    pub file: String,
    /// The place in it.
    pub at: Position,
    /// What is wrong.
    pub message: String,
    /// A way to mend it; empty where the message says it all.
    pub remedy: String,
    excerpt: Excerpt,
}

impl Finding {
    pub(super) fn new(
        source: &Source,
        check: Check,
        at: Position,
        message: String,
        remedy: String,
    ) -> Self {
        let excerpt = Excerpt::of(&source.text, at);
        Self { check, file: source.file.clone(), at, message, remedy, excerpt }
    }

    /// The line of the place, or the part of it around that.
    #[must_use]
    pub fn line(&self) -> &str {
        self.excerpt.line()
    }
}

impl fmt::Display for Finding {
    /// The place, the line with a caret under it, and the way to mend it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "--> {}:{}\n{}", self.file, self.at, self.excerpt)?;
        match self.remedy.as_str() {
            "" => Ok(()),
            remedy => write!(f, "\n= {remedy}"),
        }
    }
}

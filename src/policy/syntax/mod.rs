//! The parsers: HCL 1, and JSON read as HCL 1 does.

mod flatten;
mod hcl;
mod heredoc;
mod json;
mod lexer;
mod number;
mod string;
mod token;

use super::{HclItem, Position, error::ParseError};

/// The maximum nesting depth of blocks and lists. OpenBao has no limit; none of its keys needs
/// more than six levels.
const DEPTH: usize = 64;

/// The maximum number of keys and labels of one item, for the same reason.
const KEYS: usize = 16;

/// Parses a text. As in Vault, a text whose first character is a brace is JSON.
pub(super) fn items(text: &str) -> Result<Vec<HclItem>, ParseError> {
    if text.is_empty() {
        return Err(ParseError::new(Position::START, "expected a policy, found an empty file"));
    }
    if text.trim_start().starts_with('{') { json::items(text) } else { hcl::items(text) }
}

/// Returns `depth` plus one, up to the limit.
fn nest(depth: usize, at: Position) -> Result<usize, ParseError> {
    match depth {
        DEPTH => Err(ParseError::new(at, format!("expected at most {DEPTH} nested levels"))),
        _ => Ok(depth + 1),
    }
}

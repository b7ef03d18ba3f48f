//! From text to items: HCL 1, and JSON read as HCL 1 does.

mod flatten;
mod hcl;
mod heredoc;
mod json;
mod lexer;
mod number;
mod string;
mod token;

use super::{HclItem, Position, error::ParseError};

/// How deep blocks and lists may lie in each other. OpenBao knows no limit; none of its keys
/// needs more than six.
const DEPTH: usize = 64;

/// How many keys and labels one item may have, for the same reason.
const KEYS: usize = 16;

/// The items of a text. It is JSON when its first character is a brace, as for Vault.
pub(super) fn items(text: &str) -> Result<Vec<HclItem>, ParseError> {
    if text.is_empty() {
        return Err(ParseError::new(Position::START, "expected a policy, found nothing"));
    }
    if text.trim_start().starts_with('{') { json::items(text) } else { hcl::items(text) }
}

/// One level nest than `depth`.
fn nest(depth: usize, at: Position) -> Result<usize, ParseError> {
    match depth {
        DEPTH => {
            Err(ParseError::new(at, format!("expected at most {DEPTH} levels, found one more")))
        }
        _ => Ok(depth + 1),
    }
}

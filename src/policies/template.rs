use std::sync::Arc;

use super::{At, error::Fault, matching::ForbiddenValue};

/// A path in pieces: text, and what an identity has to fill in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Selector(String),
}

impl Template {
    /// Refuses `{{` without `}}` and the other way round; any text may stand between them. `+*`
    /// is no path either.
    pub(super) fn parse(path: &At<Arc<str>>) -> Result<Self, Fault> {
        if path.value.contains("+*") {
            return Err(Fault::new(path.at, "`+*` is no wildcard: write `+/*`, or `*` alone"));
        }
        let mut parts = path.value.split("{{");
        let first = parts.next().unwrap_or_default();
        if first.contains("}}") {
            return Err(unbalanced(path));
        }
        let mut pieces = vec![Piece::Text(first.to_owned())];
        for part in parts {
            match part.split_once("}}") {
                Some((selector, text)) if !text.contains("}}") => {
                    pieces.push(Piece::Selector(selector.trim().to_owned()));
                    pieces.push(Piece::Text(text.to_owned()));
                }
                _ => return Err(unbalanced(path)),
            }
        }
        Ok(Self(pieces))
    }

    /// What stands between the braces, without blanks around it.
    pub(super) fn selectors(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Selector(selector) => Some(selector.as_str()),
            Piece::Text(_) => None,
        })
    }

    /// The path with a value for every selector, none of which may widen it.
    pub(super) fn filled(&self, value: impl Fn(&str) -> String) -> String {
        let pieces = self.0.iter().map(|piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Selector(selector) => value(selector),
        });
        pieces.collect()
    }

    /// The path, filled in. `None` when a value is missing.
    pub(super) fn fill(
        &self,
        fill: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Option<String>, ForbiddenValue> {
        let mut path = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => path.push_str(text),
                Piece::Selector(selector) => {
                    let Some(value) = fill(selector) else {
                        return Ok(None);
                    };
                    if value.contains(['/', '*', '+']) {
                        return Err(ForbiddenValue { selector: selector.clone(), value });
                    }
                    path.push_str(&value);
                }
            }
        }
        Ok(Some(path))
    }
}

fn unbalanced(path: &At<Arc<str>>) -> Fault {
    Fault::new(path.at, "expected a `}}` for every `{{` in the path, and no other")
}

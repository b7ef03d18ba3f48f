use std::{fmt, sync::Arc};

use super::{Position, Spanned};

/// An attribute with its value, or a block with its labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HclItem {
    /// The key, and the labels of a block. Never empty.
    pub keys: Vec<Spanned<Arc<str>>>,
    /// The value or block.
    pub value: Spanned<HclValue>,
}

impl HclItem {
    /// Returns the key.
    pub fn key(&self) -> &str {
        self.keys.first().map_or("", |key| &key.value)
    }

    /// Returns the position of the key.
    pub fn at(&self) -> Position {
        self.keys.first().map_or(self.value.at, |key| key.at)
    }

    /// Returns the labels between the key and the block.
    pub fn labels(&self) -> &[Spanned<Arc<str>>] {
        self.keys.get(1..).unwrap_or_default()
    }
}

/// A value as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HclValue {
    /// A string or heredoc, with its escapes resolved. Bytes that are not UTF-8, which `\xff` can
    /// produce, are replaced by U+FFFD. JSON's null is an empty string, as in Vault.
    Text(String),
    /// A number without decimal point and exponent: decimal, octal after `0` or hexadecimal after
    /// `0x`.
    Integer(String),
    /// A number with a decimal point or exponent.
    Float(String),
    /// `true` or `false`.
    Bool(bool),
    /// `[...]`
    List(Vec<Spanned<HclValue>>),
    /// `{...}`
    Block(Vec<HclItem>),
}

impl fmt::Display for HclValue {
    /// Writes the kind of value, for messages.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text(_) => "a string",
            Self::Integer(_) => "an integer",
            Self::Float(_) => "a number with a fraction",
            Self::Bool(_) => "a boolean",
            Self::List(_) => "a list",
            Self::Block(_) => "a block",
        })
    }
}

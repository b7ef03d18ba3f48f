//! Secrets as lines of an environment file: `KEY=value`, in the dialect of the program that reads
//! it.

mod dialect;
#[cfg(test)]
mod properties;
mod shell;

use std::fmt;

use secrecy::ExposeSecret;
use zeroize::Zeroizing;

pub use self::dialect::Dialect;
use crate::secrets::{Key, SecretData};

/// The error of a value that a dialect cannot represent. It does not repeat the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inexpressible {
    /// The value's key.
    pub key: Key,
    /// The dialect.
    pub dialect: Dialect,
    /// The reason: a property of the value, or of the key.
    pub why: &'static str,
}

impl fmt::Display for Inexpressible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` cannot be written for {}: {}", self.key, self.dialect, self.why)
    }
}

impl std::error::Error for Inexpressible {}

impl SecretData {
    /// Returns one line for each key, each ended by a line feed. A program that reads them in this
    /// dialect gets exactly these values.
    ///
    /// # Errors
    /// [`Inexpressible`] for the first value that the dialect cannot represent.
    pub fn to_env(&self, dialect: Dialect) -> Result<Zeroizing<String>, Inexpressible> {
        // Capacity for all lines, so that no reallocation leaves a copy.
        let capacity = self.iter().map(|(key, value)| {
            key.as_str().len() + dialect.max_len(value.expose_secret()) + "=\"\"\n".len()
        });
        let mut lines = Zeroizing::new(String::with_capacity(capacity.sum()));
        for (key, value) in self.iter() {
            dialect.write(key, value.expose_secret(), &mut lines).map_err(|why| Inexpressible {
                key: key.clone(),
                dialect,
                why,
            })?;
            lines.push('\n');
        }
        Ok(lines)
    }
}

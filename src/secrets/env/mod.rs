//! Secrets as lines for an environment: `KEY=value`, in the dialect of whoever reads them.

mod dialect;
#[cfg(test)]
mod properties;
mod shell;

use std::fmt;

use secrecy::ExposeSecret;
use zeroize::Zeroizing;

pub use self::dialect::Dialect;
use crate::secrets::{Key, SecretData};

/// A value that a dialect has no words for. It is not repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inexpressible {
    /// The value's key.
    pub key: Key,
    /// The dialect.
    pub dialect: Dialect,
    /// What it is about the value, or about the key.
    pub why: &'static str,
}

impl fmt::Display for Inexpressible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` cannot be written for {}: {}", self.key, self.dialect, self.why)
    }
}

impl std::error::Error for Inexpressible {}

impl SecretData {
    /// One line for each key, each ended by a line feed. What reads them in this dialect gets the
    /// very values.
    ///
    /// # Errors
    /// [`Inexpressible`] for the first value that it could not get.
    pub fn to_env(&self, dialect: Dialect) -> Result<Zeroizing<String>, Inexpressible> {
        // Room for all of it, so that growing leaves no copies.
        let room = self.iter().map(|(key, value)| {
            key.as_str().len() + dialect.room(value.expose_secret()) + "=\"\"\n".len()
        });
        let mut lines = Zeroizing::new(String::with_capacity(room.sum()));
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

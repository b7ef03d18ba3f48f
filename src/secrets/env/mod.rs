//! Secrets as lines of an environment file: `KEY=value`, in the dialect of the program that reads
//! it.

mod dialect;
#[cfg(test)]
mod properties;
mod shell;

use std::fmt;

use secrecy::ExposeSecret;
use zeroize::Zeroizing;

pub use self::dialect::EnvFormat;
use crate::secrets::{SecretData, SecretKey};

/// The error of a value that a dialect cannot represent. It does not repeat the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnencodableValue {
    /// The value's key.
    pub key: SecretKey,
    /// The dialect.
    pub format: EnvFormat,
    /// The reason: a property of the value, or of the key.
    pub reason: &'static str,
}

impl fmt::Display for UnencodableValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` cannot be written for {}: {}", self.key, self.format, self.reason)
    }
}

impl std::error::Error for UnencodableValue {}

impl SecretData {
    /// Returns one line for each key, each ended by a line feed. A program that reads them in this
    /// dialect gets exactly these values.
    ///
    /// # Errors
    /// [`UnencodableValue`] for the first value that the dialect cannot represent.
    pub fn to_env(&self, dialect: EnvFormat) -> Result<Zeroizing<String>, UnencodableValue> {
        // Capacity for all lines, so that no reallocation leaves a copy.
        let capacity = self.iter().map(|(key, value)| {
            key.as_str().len() + dialect.max_len(value.expose_secret()) + "=\"\"\n".len()
        });
        let mut lines = Zeroizing::new(String::with_capacity(capacity.sum()));
        for (key, value) in self.iter() {
            dialect.write(key, value.expose_secret(), &mut lines).map_err(|why| {
                UnencodableValue { key: key.clone(), format: dialect, reason: why }
            })?;
            lines.push('\n');
        }
        Ok(lines)
    }
}

use std::fmt;

use crate::config::values;

/// The shortest admin token, in bytes: shorter ones can be guessed.
const MIN_TOKEN: usize = 16;

/// The rules for requests that change something at the admin listener.
#[derive(Debug)]
pub struct AdminAccess {
    /// Host names, in lower case, that such a request may name besides `localhost` and addresses.
    pub hosts: Vec<String>,
    /// The bearer token that such a request needs; none if `None`.
    pub token: Option<AdminToken>,
}

/// The hash of the admin listener's bearer token.
pub struct AdminToken(blake3::Hash);

impl AdminToken {
    /// Reads the content of a token file. White space around the token is removed.
    ///
    /// # Errors
    /// The reason why it cannot be used; never holds the token.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let token = values::word(text.trim())?;
        match token.len() {
            0 => Err("the file is empty".to_owned()),
            length if length < MIN_TOKEN => {
                Err(format!("the token is shorter than {MIN_TOKEN} characters"))
            }
            _ => Ok(Self(blake3::hash(token.as_bytes()))),
        }
    }

    /// Returns whether this is the token. Compares hashes, in constant time.
    #[must_use]
    pub fn is(&self, presented: &[u8]) -> bool {
        self.0 == blake3::hash(presented)
    }
}

impl fmt::Debug for AdminToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdminToken(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::AdminToken;

    #[test]
    fn token_is_trimmed_and_long_enough() {
        let token = AdminToken::parse(" 0123456789abcdef\r\n").unwrap();
        assert!(token.is(b"0123456789abcdef"));
        assert!(!token.is(b"0123456789abcde"));
        assert!(!token.is(b""));
        assert_eq!(format!("{token:?}"), "AdminToken(..)");
        for text in ["", " \n", "0123456789abcde", "0123456789 abcdef", "0123456789abcdé0"] {
            let error = AdminToken::parse(text).unwrap_err();
            assert!(text.trim().is_empty() || !error.contains(text.trim()), "{error}");
        }
    }
}

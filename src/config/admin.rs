use std::fmt;

use crate::config::values;

/// The minimum length of the admin token, in bytes: shorter ones can be guessed.
const MIN_TOKEN_BYTES: usize = 16;

/// The rules for state-changing requests to the admin listener.
#[derive(Clone, Debug)]
pub struct AdminAccess {
    /// The allowed host names, in lower case, besides `localhost` and IP addresses.
    pub hosts: Vec<String>,
    /// The required bearer token; `None` if none is required.
    pub token: Option<AdminToken>,
    /// The bearer token that is also accepted for audit entries, and then required; `None` if there is none.
    pub audit_token: Option<AdminToken>,
}

/// The hash of the admin listener's bearer token.
#[derive(Clone)]
pub struct AdminToken(blake3::Hash);

impl AdminToken {
    /// Parses the content of a token file. Whitespace around the token is removed.
    ///
    /// # Errors
    /// The reason why the token is invalid; never contains the token.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let token = values::opaque_string(text.trim())?;
        match token.len() {
            0 => Err("the file is empty".to_owned()),
            length if length < MIN_TOKEN_BYTES => {
                Err(format!("the token is shorter than {MIN_TOKEN_BYTES} characters"))
            }
            _ => Ok(Self(blake3::hash(token.as_bytes()))),
        }
    }

    /// Returns true if this is the token. Compares hashes in constant time.
    #[must_use]
    pub fn matches(&self, presented: &[u8]) -> bool {
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
    fn token_is_trimmed_and_checked() {
        let token = AdminToken::parse(" 0123456789abcdef\r\n").unwrap();
        assert!(token.matches(b"0123456789abcdef"));
        assert!(!token.matches(b"0123456789abcde"));
        assert!(!token.matches(b""));
        assert_eq!(format!("{token:?}"), "AdminToken(..)");
        for text in ["", " \n", "0123456789abcde", "0123456789 abcdef", "0123456789abcdé0"] {
            let error = AdminToken::parse(text).unwrap_err();
            assert!(text.trim().is_empty() || !error.contains(text.trim()), "{error}");
        }
    }
}

use std::{borrow::Cow, collections::HashMap};

use url::form_urlencoded;

use super::OAuthError;

/// The maximum length of the value of a parameter, in bytes.
const MAX_VALUE: usize = 4096;

/// The parameters of a request, each at most once (RFC 6749, 3.1).
pub struct OAuthParameters<'r>(HashMap<Cow<'r, str>, Cow<'r, str>>);

impl<'r> OAuthParameters<'r> {
    /// Parses a query or a form.
    ///
    /// # Errors
    /// An [`OAuthError`] if a parameter is repeated, too long or not UTF-8.
    pub fn parse(encoded: &'r [u8]) -> Result<Self, OAuthError> {
        let mut all = HashMap::new();
        for (name, value) in form_urlencoded::parse(encoded) {
            // The parser replaces bytes that are not UTF-8.
            if value.len() > MAX_VALUE || value.contains(char::REPLACEMENT_CHARACTER) {
                return Err(OAuthError::invalid_request("a parameter is too long or not UTF-8"));
            }
            if all.insert(name, value).is_some() {
                return Err(OAuthError::invalid_request("a parameter is repeated"));
            }
        }
        Ok(Self(all))
    }

    /// Returns the value of a parameter. One without a value is treated as if it were omitted (RFC 6749,
    /// 3.1).
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(AsRef::as_ref).filter(|value| !value.is_empty())
    }

    /// Returns the value of a parameter that has to be given.
    ///
    /// # Errors
    /// An [`OAuthError`] with this description.
    pub fn require(&self, name: &str, description: &'static str) -> Result<&str, OAuthError> {
        self.get(name).ok_or_else(|| OAuthError::invalid_request(description))
    }
}

#[cfg(test)]
mod tests {
    use super::OAuthParameters;

    #[test]
    fn parameters_occur_once() {
        let all = OAuthParameters::parse(b"a=1&b=&c=%20x").expect("parameters");
        assert_eq!((all.get("a"), all.get("b"), all.get("c")), (Some("1"), None, Some(" x")));
        for repeated in ["a=1&a=1", "a=1&a=", "a=%ff"] {
            assert!(OAuthParameters::parse(repeated.as_bytes()).is_err(), "{repeated}");
        }
        assert!(OAuthParameters::parse(format!("a={}", "b".repeat(5000)).as_bytes()).is_err());
    }
}

use std::{error::Error, fmt};

use super::error::Quoted;

/// The maximum length of a name in bytes.
const MAX_LENGTH: usize = 128;

/// The name of a policy in a file: `[a-z0-9][a-z0-9_.-]{0,127}`, and not one of Vault's built-in
/// policies.
///
/// Such names need no normalization or escaping in Vault, in URLs, and in lists of policies.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyName(Box<str>);

/// The reason why a name is invalid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyNameError {
    /// Vault has a built-in policy of this name.
    BuiltIn(String),
    /// The name has an invalid format.
    Form(String),
}

impl PolicyName {
    /// Vault's built-in policies. They are never written and never deleted.
    pub const BUILT_IN: [&str; 4] = ["control-group", "default", "response-wrapping", "root"];

    /// Parses a name.
    ///
    /// # Errors
    /// Fails if the name is invalid or reserved.
    pub fn parse(name: &str) -> Result<Self, PolicyNameError> {
        // Vault lower-cases and trims names.
        if Self::BUILT_IN.contains(&name.trim().to_lowercase().as_str()) {
            return Err(PolicyNameError::BuiltIn(name.to_owned()));
        }
        let is_plain = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let first = name.as_bytes().first().is_some_and(is_plain);
        let rest = name.bytes().all(|byte| is_plain(&byte) || b"_.-".contains(&byte));
        let valid = first && rest && name.len() <= MAX_LENGTH;
        valid.then(|| Self(name.into())).ok_or_else(|| PolicyNameError::Form(name.to_owned()))
    }

    /// Returns the name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PolicyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for PolicyNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn(name) => {
                write!(f, "{} is the name of a built-in policy of Vault", Quoted(name))
            }
            Self::Form(name) => write!(f, "{} is not a valid policy name", Quoted(name)),
        }
    }
}

impl Error for PolicyNameError {}

#[cfg(test)]
mod tests {
    use super::{PolicyName, PolicyNameError};

    #[test]
    fn valid_names_are_accepted() {
        for name in ["a", "crm-agent", "0", "a.b_c", &"a".repeat(128)] {
            assert_eq!(PolicyName::parse(name).map(|name| name.to_string()).as_deref(), Ok(name));
        }
        let long = "a".repeat(129);
        for name in ["", "CRM", "a b", " a", "a/b", "-a", ".", "ä", "a%", "a,b", &long] {
            assert_eq!(PolicyName::parse(name), Err(PolicyNameError::Form(name.to_owned())));
        }
    }

    #[test]
    fn built_in_names_are_reserved() {
        for name in ["root", "default", "Root", " default", "response-wrapping", "control-group"] {
            assert_eq!(PolicyName::parse(name), Err(PolicyNameError::BuiltIn(name.to_owned())));
        }
    }
}

use std::fmt;

/// The maximum length of a tenant's name, in bytes: that of a DNS label (RFC 1035, 2.3.4).
const MAX_LENGTH: usize = 63;

/// A tenant's name: `[a-z0-9][a-z0-9_-]{0,62}`.
///
/// The form is narrow because a name becomes part of Vault paths, of policy templates and of transit
/// key names, where `/`, `*` and `+` would change the paths that a rule covers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TenantName(Box<str>);

impl TenantName {
    /// Returns the name, if it is valid. Upper case is not converted: Vault's paths are
    /// case-sensitive, so `Acme` and `acme` are two tenants.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        is_valid_name(name).then(|| Self(name.into()))
    }

    /// Parses a label of a host name, which is case-insensitive (RFC 4343), as
    /// [`TenantName::parse`] does.
    #[must_use]
    pub fn from_host_label(label: &str) -> Option<Self> {
        Self::parse(&label.to_ascii_lowercase())
    }

    /// Returns the name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Returns true if the text matches `[a-z0-9][a-z0-9_-]{0,62}`: the form of a tenant's name, and of
/// each segment of a secret's.
#[must_use]
pub fn is_valid_name(text: &str) -> bool {
    let is_plain = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_inner = |byte: &u8| is_plain(byte) || matches!(byte, b'-' | b'_');
    match text.as_bytes() {
        [first, rest @ ..] => {
            text.len() <= MAX_LENGTH && is_plain(first) && rest.iter().all(is_inner)
        }
        [] => false,
    }
}

impl fmt::Display for TenantName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::TenantName;

    #[test]
    fn valid_name_is_parsed() {
        for name in ["a", "acme", "0x", "a-b_c", &"a".repeat(63)] {
            assert_eq!(TenantName::parse(name).map(|t| t.to_string()).as_deref(), Some(name));
        }
    }

    #[test]
    fn name_that_could_widen_a_path_is_rejected() {
        let long = "a".repeat(64);
        for name in ["", "-a", "_a", "Acme", "a/b", "a*", "+", "a.b", "ä", "a b", "a\0", &long] {
            assert_eq!(TenantName::parse(name), None, "{name:?}");
        }
    }

    #[test]
    fn host_label_is_lower_cased() {
        assert_eq!(TenantName::from_host_label("AcMe"), TenantName::parse("acme"));
        assert_eq!(TenantName::from_host_label("a.b"), None);
    }
}

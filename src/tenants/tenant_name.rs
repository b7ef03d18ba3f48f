use std::fmt;

/// The longest tenant name, in bytes: that of a DNS label (RFC 1035, 2.3.4).
const MAX_LENGTH: usize = 63;

/// A tenant's name: `[a-z0-9][a-z0-9_-]{0,62}`.
///
/// The form is narrow on purpose: a name becomes part of Vault paths, of policy templates and of
/// transit key names, where `/`, `*` and `+` would change what a rule covers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TenantName(Box<str>);

impl TenantName {
    /// The name, if it has exactly the form of one. Upper case is not folded: Vault compares
    /// paths case by case, so `Acme` and `acme` are two tenants there.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        is_name(name).then(|| Self(name.into()))
    }

    /// As [`TenantName::parse`], for a label of a host name, where case has no meaning
    /// (RFC 4343).
    #[must_use]
    pub fn from_host_label(label: &str) -> Option<Self> {
        Self::parse(&label.to_ascii_lowercase())
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether this is `[a-z0-9][a-z0-9_-]{0,62}`: the form of a tenant's name, and of each part of a
/// secret's.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let plain = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let within = |byte: &u8| plain(byte) || matches!(byte, b'-' | b'_');
    match text.as_bytes() {
        [first, rest @ ..] => text.len() <= MAX_LENGTH && plain(first) && rest.iter().all(within),
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
    fn a_name_is_a_lower_case_word() {
        for name in ["a", "acme", "0x", "a-b_c", &"a".repeat(63)] {
            assert_eq!(TenantName::parse(name).map(|t| t.to_string()).as_deref(), Some(name));
        }
    }

    #[test]
    fn anything_that_could_widen_a_path_is_no_name() {
        let long = "a".repeat(64);
        for name in ["", "-a", "_a", "Acme", "a/b", "a*", "+", "a.b", "ä", "a b", "a\0", &long] {
            assert_eq!(TenantName::parse(name), None, "{name:?}");
        }
    }

    #[test]
    fn a_host_label_is_folded_first() {
        assert_eq!(TenantName::from_host_label("AcMe"), TenantName::parse("acme"));
        assert_eq!(TenantName::from_host_label("a.b"), None);
    }
}

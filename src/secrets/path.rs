use std::fmt;

use crate::tenants::{TenantName, is_valid_name};

/// The maximum number of segments in a secret's name.
const MAX_SEGMENTS: usize = 4;

/// The segments that follow a name in the paths of the API.
const OPERATIONS: [&str; 2] = ["versions", "undelete"];

/// The name of a secret within its tenant: one to four segments, each `[a-z0-9][a-z0-9_-]{0,62}`,
/// as in `mcp/hostinger`.
///
/// The form is deliberately narrow, like that of [`TenantName`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretName(Box<str>);

/// The error of parsing a name. It does not repeat the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameError {
    /// The name of a tenant is invalid.
    Tenant,
    /// The name of a secret is invalid.
    Secret,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tenant => "a tenant's name is [a-z0-9][a-z0-9_-]{0,62}, without percent-encoding",
            Self::Secret => {
                "a secret's name is one to four segments [a-z0-9][a-z0-9_-]{0,62}, separated by `/`, \
                 without percent-encoding"
            }
        })
    }
}

impl std::error::Error for NameError {}

impl SecretName {
    /// Parses a name.
    ///
    /// # Errors
    /// [`NameError`] unless it has exactly this form.
    pub fn parse(name: &str) -> Result<Self, NameError> {
        let valid = name.split('/').count() <= MAX_SEGMENTS && name.split('/').all(is_valid_name);
        valid.then(|| Self(name.into())).ok_or(NameError::Secret)
    }

    /// Returns true if the name ends like a path of the API to the versions of another secret:
    /// `crm/versions` has those of `crm`. Secrets with such a name are not written.
    #[must_use]
    pub fn is_reserved(&self) -> bool {
        self.0.rsplit_once('/').is_some_and(|(_, last)| OPERATIONS.contains(&last))
    }

    /// Returns the name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The path of a secret: its tenant and its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretPath {
    /// The tenant.
    pub tenant: TenantName,
    /// The name within the tenant.
    pub name: SecretName,
}

impl SecretPath {
    /// Parses the names of a tenant and of a secret.
    ///
    /// # Errors
    /// [`NameError`] for the first that is invalid.
    pub fn parse(tenant: &str, name: &str) -> Result<Self, NameError> {
        let tenant = TenantName::parse(tenant).ok_or(NameError::Tenant)?;
        Ok(Self { tenant, name: SecretName::parse(name)? })
    }

    /// Returns the context for transit's key derivation, which binds the ciphertext to this path:
    /// the version of this format, the mount, the tenant and the name, each after its length as a
    /// big-endian `u32`. So no two paths have the same context.
    #[must_use]
    pub fn context(&self, mount: &str) -> Vec<u8> {
        let parts = ["v1", mount, self.tenant.as_str(), self.name.as_str()];
        let mut context = Vec::new();
        for part in parts {
            // Paths are far shorter than 4 GiB.
            let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
            context.extend_from_slice(&length.to_be_bytes());
            context.extend_from_slice(part.as_bytes());
        }
        context
    }
}

#[cfg(test)]
mod tests {
    use super::{NameError, SecretName, SecretPath};

    #[test]
    fn name_has_one_to_four_segments() {
        for name in ["crm", "mcp/hostinger", "a/b/c/d", "0-_/x"] {
            assert_eq!(SecretName::parse(name).expect("a name").as_str(), name);
        }
        let long = "a".repeat(64);
        for name in [
            "",
            "/",
            "a/",
            "/a",
            "a//b",
            "a/b/c/d/e",
            "A",
            "a.b",
            "..",
            "a/../b",
            "a%2fb",
            "a b",
            "ä",
            "a\0",
            "-a",
            "_a",
            "a*",
            "+",
            "{{x}}",
            &long,
        ] {
            assert_eq!(SecretName::parse(name), Err(NameError::Secret), "{name:?}");
        }
    }

    #[test]
    fn operation_suffix_is_reserved() {
        for (name, reserved) in [
            ("crm/versions", true),
            ("a/b/c/undelete", true),
            ("versions", false),
            ("undelete", false),
            ("versions/crm", false),
            ("crm/versions2", false),
        ] {
            assert_eq!(SecretName::parse(name).expect("a name").is_reserved(), reserved, "{name}");
        }
    }

    #[test]
    fn context_is_length_prefixed() {
        let path = SecretPath::parse("acme", "mcp/h").expect("names");
        let expected = b"\0\0\0\x02v1\0\0\0\x06secret\0\0\0\x04acme\0\0\0\x05mcp/h";
        assert_eq!(path.context("secret"), expected);
    }

    #[test]
    fn contexts_are_unique() {
        let context =
            |mount, tenant, name| SecretPath::parse(tenant, name).expect("names").context(mount);
        let one = context("kv", "a", "b/c");
        for (mount, tenant, name) in
            [("kv", "a", "b"), ("kv", "ab", "c"), ("kv/a", "b", "c"), ("secret", "a", "b/c")]
        {
            assert_ne!(one, context(mount, tenant, name), "{mount} {tenant} {name}");
        }
    }
}

use std::fmt;

use crate::tenants::{TenantName, is_name};

/// The largest number of parts in a secret's name.
const MAX_PARTS: usize = 4;

/// The parts that follow a name in the paths of the API.
const OPERATIONS: [&str; 2] = ["versions", "undelete"];

/// What a secret is called within its tenant: one to four parts, each
/// `[a-z0-9][a-z0-9_-]{0,62}`, as in `mcp/hostinger`.
///
/// The form is narrow on purpose, as that of [`TenantName`] is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretName(Box<str>);

/// Why a text is no name. It does not repeat the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameError {
    /// It is no tenant's.
    Tenant,
    /// It is no secret's.
    Secret,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tenant => "a tenant's name is [a-z0-9][a-z0-9_-]{0,62}, written as it is",
            Self::Secret => {
                "a secret's name is one to four parts [a-z0-9][a-z0-9_-]{0,62} with `/` between \
                 them, written as they are"
            }
        })
    }
}

impl std::error::Error for NameError {}

impl SecretName {
    /// The name, if it has exactly the form of one.
    ///
    /// # Errors
    /// [`NameError`] if it has not.
    pub fn parse(name: &str) -> Result<Self, NameError> {
        let valid = name.split('/').count() <= MAX_PARTS && name.split('/').all(is_name);
        valid.then(|| Self(name.into())).ok_or(NameError::Secret)
    }

    /// Whether it ends as the paths do by which the API reaches the versions of another secret:
    /// `crm/versions` is where those of `crm` are. Such a name is not written to.
    #[must_use]
    pub fn is_reserved(&self) -> bool {
        self.0.rsplit_once('/').is_some_and(|(_, last)| OPERATIONS.contains(&last))
    }

    /// The name as text.
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

/// The one place of a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretPath {
    /// Whose it is.
    pub tenant: TenantName,
    /// What it is called.
    pub name: SecretName,
}

impl SecretPath {
    /// The place with these names.
    ///
    /// # Errors
    /// [`NameError`] if one of them is none.
    pub fn parse(tenant: &str, name: &str) -> Result<Self, NameError> {
        let tenant = TenantName::parse(tenant).ok_or(NameError::Tenant)?;
        Ok(Self { tenant, name: SecretName::parse(name)? })
    }

    /// What the ciphertext is bound to, besides the key: the version of this format, the mount,
    /// the tenant and the name, each after its length in four bytes, the first the highest. So no
    /// two places have the same context, whatever they are called.
    #[must_use]
    pub fn context(&self, mount: &str) -> Vec<u8> {
        let parts = ["v1", mount, self.tenant.as_str(), self.name.as_str()];
        let mut context = Vec::new();
        for part in parts {
            // A part is shorter than a path may be, by far.
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
    fn a_name_is_one_to_four_plain_parts() {
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
    fn name_that_ends_like_an_operation_is_reserved() {
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
    fn a_context_has_the_length_of_each_part_before_it() {
        let path = SecretPath::parse("acme", "mcp/h").expect("names");
        let expected = b"\0\0\0\x02v1\0\0\0\x06secret\0\0\0\x04acme\0\0\0\x05mcp/h";
        assert_eq!(path.context("secret"), expected);
    }

    #[test]
    fn no_two_places_have_one_context() {
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

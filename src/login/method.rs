use std::fmt;

/// A way for people to log in, on one auth mount of Vault (`VALIDATOR_LOGIN_METHODS`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrowserLoginMethod {
    /// The type of the auth method.
    pub kind: BrowserLoginKind,
    /// The path of the mount, without `auth/` and without slashes at its ends.
    pub mount: String,
    /// The role, for OIDC only; `None` for the default role of the mount.
    pub role: Option<String>,
}

/// The auth methods of Vault with which people can log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrowserLoginKind {
    /// User name and password, in Vault.
    Userpass,
    /// User name and password, in a directory.
    Ldap,
    /// An `OpenID` provider.
    Oidc,
}

/// The error in a list of login methods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoginMethodError {
    /// The item does not have the form `TYPE[:MOUNT[:ROLE]]`, or the type is unknown.
    Invalid(String),
    /// The item has a role, and its type has none.
    RoleNotSupported(String),
    /// Two items have the same mount and role.
    Repeated(String),
}

impl BrowserLoginKind {
    const ALL: [Self; 3] = [Self::Userpass, Self::Ldap, Self::Oidc];

    /// Returns true if people log in with a user name and a password.
    #[must_use]
    pub fn has_password(self) -> bool {
        matches!(self, Self::Userpass | Self::Ldap)
    }

    /// Returns true if people log in at an `OpenID` provider.
    #[must_use]
    pub fn is_provider(self) -> bool {
        matches!(self, Self::Oidc)
    }

    /// Returns the type in Vault, which is also the default path of the mount.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Userpass => "userpass",
            Self::Ldap => "ldap",
            Self::Oidc => "oidc",
        }
    }
}

/// Parses a list of login methods in the form `TYPE[:MOUNT[:ROLE]]`, separated by commas.
///
/// # Errors
/// [`LoginMethodError`], with the item.
pub fn parse_login_methods(list: &str) -> Result<Vec<BrowserLoginMethod>, LoginMethodError> {
    let mut methods = Vec::new();
    for item in list.split(',').map(str::trim) {
        let method = BrowserLoginMethod::parse(item)?;
        if methods.contains(&method) {
            return Err(LoginMethodError::Repeated(item.to_owned()));
        }
        methods.push(method);
    }
    Ok(methods)
}

impl BrowserLoginMethod {
    fn parse(item: &str) -> Result<Self, LoginMethodError> {
        let invalid = || LoginMethodError::Invalid(item.to_owned());
        let mut parts = item.split(':');
        let name = parts.next().unwrap_or_default();
        let kind = BrowserLoginKind::ALL.into_iter().find(|kind| kind.name() == name);
        let kind = kind.ok_or_else(invalid)?;
        let (mount, role, rest) = (parts.next(), parts.next(), parts.next());
        let mount = mount.unwrap_or(name);
        if rest.is_some() || !mount.split('/').all(is_segment) || !role.is_none_or(is_segment) {
            return Err(invalid());
        }
        if role.is_some() && kind != BrowserLoginKind::Oidc {
            return Err(LoginMethodError::RoleNotSupported(item.to_owned()));
        }
        Ok(Self { kind, mount: mount.to_owned(), role: role.map(str::to_owned) })
    }
}

/// Returns true for letters, digits, `_`, `-` and `.`, but not for a dot segment.
fn is_segment(text: &str) -> bool {
    !matches!(text, "" | "." | "..")
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b))
}

impl fmt::Display for LoginMethodError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(item) => write!(
                f,
                "`{}` is not a login method: write TYPE[:MOUNT[:ROLE]] with the type userpass, ldap \
                 or oidc, for example `userpass` or `oidc:google:staff`",
                item.escape_debug()
            ),
            Self::RoleNotSupported(item) => {
                write!(f, "`{item}`: only oidc has roles; write TYPE:MOUNT")
            }
            Self::Repeated(item) => write!(f, "`{item}` is listed twice"),
        }
    }
}

impl std::error::Error for LoginMethodError {}

#[cfg(test)]
mod tests {
    use super::{BrowserLoginKind, LoginMethodError, parse_login_methods};

    #[test]
    fn methods_keep_their_order() {
        let methods = parse_login_methods("oidc:google:staff, userpass,ldap:corp/ldap,oidc");
        let methods = methods.expect("a list");
        let described: Vec<_> = methods
            .iter()
            .map(|method| (method.kind, method.mount.as_str(), method.role.as_deref()))
            .collect();
        assert_eq!(
            described,
            [
                (BrowserLoginKind::Oidc, "google", Some("staff")),
                (BrowserLoginKind::Userpass, "userpass", None),
                (BrowserLoginKind::Ldap, "corp/ldap", None),
                (BrowserLoginKind::Oidc, "oidc", None),
            ]
        );
    }

    #[test]
    fn invalid_methods_are_rejected() {
        for item in [
            "",
            "userpass,",
            "Userpass",
            "github",
            "oidc:",
            "oidc::staff",
            "oidc:google:",
            "oidc:a:b:c",
            "userpass:..",
            "userpass:a//b",
            "userpass:/a",
            "userpass:a/",
            "userpass:a b",
            "oidc:a:b/c",
        ] {
            let error = parse_login_methods(item).expect_err("an error");
            assert!(matches!(error, LoginMethodError::Invalid(_)), "{item}: {error}");
        }
        let error = parse_login_methods("userpass:people:staff").expect_err("an error");
        assert!(matches!(error, LoginMethodError::RoleNotSupported(_)), "{error}");
        let error = parse_login_methods("oidc:a,userpass,oidc:a").expect_err("an error");
        assert_eq!(error, LoginMethodError::Repeated("oidc:a".to_owned()));
    }
}

use std::fmt;

use crate::forwarded::{is_loopback, normalized_authority, without_port};

/// The hosts with the login page (`VALIDATOR_LOGIN_URL`): one, or one for each domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginOrigins(Vec<LoginOrigin>);

/// The origin of a login host: `https://login.example.com`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginOrigin {
    scheme: &'static str,
    authority: String,
}

/// The item of a list that is not the origin of a login host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginOriginError(String);

impl LoginOrigins {
    /// Parses a list of origins, separated by commas.
    ///
    /// # Errors
    /// [`LoginOriginError`], with the item.
    pub fn parse(list: &str) -> Result<Self, LoginOriginError> {
        list.split(',')
            .map(|item| LoginOrigin::parse(item.trim()))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Returns the login host with this authority.
    #[must_use]
    pub fn with_authority(&self, authority: &str) -> Option<&LoginOrigin> {
        self.0.iter().find(|origin| origin.authority == authority)
    }

    /// Returns the login host for an application: the one that shares the most labels with its
    /// authority, at the end. `None` only of an empty list.
    #[must_use]
    pub fn nearest_to(&self, authority: &str) -> Option<&LoginOrigin> {
        let shared = |origin: &&LoginOrigin| {
            let [one, other] = [&origin.authority, authority].map(without_port);
            let labels = one.rsplit('.').zip(other.rsplit('.'));
            labels.take_while(|(one, other)| one == other).count()
        };
        // The last maximum is the first in the reverse order.
        self.0.iter().rev().max_by_key(shared)
    }

    /// Returns all login hosts.
    pub fn iter(&self) -> impl Iterator<Item = &LoginOrigin> {
        self.0.iter()
    }
}

impl LoginOrigin {
    fn parse(item: &str) -> Result<Self, LoginOriginError> {
        let invalid = || LoginOriginError(item.to_owned());
        let (scheme, rest) = item.split_once("://").ok_or_else(invalid)?;
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        let authority = normalized_authority(authority).ok_or_else(invalid)?.into_owned();
        let host = without_port(&authority);
        let (is_local, has_port) = (is_loopback(host), host.len() < authority.len());
        let scheme = match scheme {
            "https" if is_local || !has_port => "https",
            "http" if is_local => "http",
            _ => return Err(invalid()),
        };
        Ok(Self { scheme, authority })
    }

    /// Returns the host, with a port on this machine only.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }
}

impl fmt::Display for LoginOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority)
    }
}

impl fmt::Display for LoginOriginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is not the origin of a login host: write `https://login.example.com`, without port \
             and path; on this machine also `http://login.localhost:8080`",
            self.0.escape_debug()
        )
    }
}

impl std::error::Error for LoginOriginError {}

#[cfg(test)]
mod tests {
    use super::LoginOrigins;

    #[test]
    fn origin_is_chosen_by_domain() {
        let origins = LoginOrigins::parse("https://login.example.com, https://Login.example.org/");
        let origins = origins.expect("origins");
        for (authority, login) in [
            ("crm.example.com", "https://login.example.com"),
            ("acme.crm.example.org", "https://login.example.org"),
            ("login.example.org", "https://login.example.org"),
            ("crm.test", "https://login.example.com"),
            ("crm.example.org:8443", "https://login.example.org"),
        ] {
            let nearest = origins.nearest_to(authority).map(ToString::to_string);
            assert_eq!(nearest.as_deref(), Some(login), "{authority}");
        }
        assert!(origins.with_authority("login.example.org").is_some());
        assert!(origins.with_authority("crm.example.org").is_none());
    }

    #[test]
    fn other_addresses_are_rejected() {
        for item in ["http://localhost:8080", "https://a.localhost:8443", "http://[::1]:80/"] {
            assert!(LoginOrigins::parse(item).is_ok(), "{item}");
        }
        for item in [
            "",
            "login.example.com",
            "http://login.example.com",
            "https://login.example.com:8443",
            "https://login.example.com/login",
            "https://a@login.example.com",
            "https://",
            "ftp://localhost",
            "https://login.example.com,",
        ] {
            assert!(LoginOrigins::parse(item).is_err(), "{item}");
        }
    }
}

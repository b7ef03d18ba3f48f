//! Access control for state-changing requests to the admin listener, and for its console.
//!
//! The listener usually requires no credential, also from an operator's own machine. Requests from
//! web pages in that operator's browser are therefore rejected: a browser sends `Origin` with every
//! state-changing request from another site, and a host name that an attacker has pointed at this
//! machine (DNS rebinding) is in `Host`.

use std::{
    net::{Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

use axum::{
    body::Body,
    extract::{Request, State},
    http::{
        HeaderMap, Method, Response, StatusCode, Version,
        header::{AUTHORIZATION, HOST, ORIGIN},
    },
    middleware::Next,
};

use crate::{
    config::{AdminAccess, AdminToken},
    server::problem,
};

/// The path that audit entries are posted to.
pub(super) const AUDIT_PATH: &str = "/audit";

/// A reason to reject a state-changing request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AccessDenied {
    Origin,
    CrossSite,
    Host,
    TokenMissing,
    TokenInvalid,
}

impl AccessDenied {
    fn response(self, headers: &HeaderMap) -> Response<Body> {
        let (status, code, title) = match self {
            Self::Origin => {
                let title = "Requests with an Origin header are rejected: they come from web pages";
                (StatusCode::FORBIDDEN, "origin_not_allowed", title)
            }
            Self::CrossSite => {
                let title = "Requests of other sites' pages are rejected";
                (StatusCode::FORBIDDEN, "cross_site", title)
            }
            Self::Host => {
                let title = "The Host header has to be an IP address, localhost or a name in \
                             VALIDATOR_ADMIN_HOSTS";
                (StatusCode::FORBIDDEN, "host_not_allowed", title)
            }
            Self::TokenMissing => {
                let title = "The admin listener's bearer token is missing";
                (StatusCode::UNAUTHORIZED, "credential_missing", title)
            }
            Self::TokenInvalid => {
                let title = "The bearer token is not the admin listener's";
                (StatusCode::UNAUTHORIZED, "token_invalid", title)
            }
        };
        problem::log_and_respond_to_admin(status, code, title, headers).map(Body::from)
    }
}

/// Rejects state-changing requests that are not allowed.
pub(super) async fn check_access(
    State(access): State<Arc<AdminAccess>>,
    request: Request,
    next: Next,
) -> Response<Body> {
    match check(&access, &request) {
        Ok(()) => next.run(request).await,
        Err(denial) => denial.response(request.headers()),
    }
}

/// The access to the console's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ConsoleAccess {
    /// The request may see the data.
    Granted,
    /// The request has no bearer token, and one is required.
    Locked,
}

/// Rejects requests to the console that are not allowed, and adds a [`ConsoleAccess`] to the others. They
/// change nothing, but a page of another site must not read the response: the data has names and paths, and
/// an explanation is about a token.
pub(super) async fn check_console_access(
    State(access): State<Arc<AdminAccess>>,
    mut request: Request,
    next: Next,
) -> Response<Body> {
    match check_console(&access, &request) {
        Ok(access) => {
            request.extensions_mut().insert(access);
            next.run(request).await
        }
        Err(denial) => denial.response(request.headers()),
    }
}

/// Returns the response to a request without the required token.
pub(super) fn token_missing(headers: &HeaderMap) -> Response<Body> {
    AccessDenied::TokenMissing.response(headers)
}

fn check_console<B>(
    access: &AdminAccess,
    request: &http::Request<B>,
) -> Result<ConsoleAccess, AccessDenied> {
    check_sender(access, request)?;
    if is_cross_site(request.headers()) {
        return Err(AccessDenied::CrossSite);
    }
    match check_token(access, request.headers()) {
        Ok(()) => Ok(ConsoleAccess::Granted),
        Err(AccessDenied::TokenMissing) => Ok(ConsoleAccess::Locked),
        Err(denial) => Err(denial),
    }
}

/// Returns true if a page of another site, which includes other hosts of the same domain, has made the
/// request (Fetch Metadata Request Headers, 2). Links to the console are allowed.
fn is_cross_site(headers: &HeaderMap) -> bool {
    let has = |name: &str, value: &str| headers.get(name).is_some_and(|found| found == value);
    let is_own = !headers.contains_key("sec-fetch-site")
        || has("sec-fetch-site", "same-origin")
        || has("sec-fetch-site", "none");
    let is_link = has("sec-fetch-mode", "navigate") && has("sec-fetch-dest", "document");
    !is_own && !is_link
}

fn check<B>(access: &AdminAccess, request: &http::Request<B>) -> Result<(), AccessDenied> {
    if matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    check_sender(access, request)?;
    match &access.audit_token {
        Some(audit_token) if request.uri().path() == AUDIT_PATH => {
            check_audit_token(access, audit_token, request.headers())
        }
        _ => check_token(access, request.headers()),
    }
}

fn check_audit_token(
    access: &AdminAccess,
    audit_token: &AdminToken,
    headers: &HeaderMap,
) -> Result<(), AccessDenied> {
    let presented = bearer_token(headers).ok_or(AccessDenied::TokenMissing)?;
    let is_admin = access.token.as_ref().is_some_and(|token| token.matches(presented));
    if audit_token.matches(presented) || is_admin {
        Ok(())
    } else {
        Err(AccessDenied::TokenInvalid)
    }
}

/// Checks that the request does not come from a web page, other than by an allowed host.
fn check_sender<B>(access: &AdminAccess, request: &http::Request<B>) -> Result<(), AccessDenied> {
    if request.headers().contains_key(ORIGIN) {
        return Err(AccessDenied::Origin);
    }
    if !is_host_allowed(&access.hosts, request) {
        return Err(AccessDenied::Host);
    }
    Ok(())
}

fn check_token(access: &AdminAccess, headers: &HeaderMap) -> Result<(), AccessDenied> {
    let Some(token) = &access.token else {
        return Ok(());
    };
    match bearer_token(headers) {
        None => Err(AccessDenied::TokenMissing),
        Some(presented) if token.matches(presented) => Ok(()),
        Some(_) => Err(AccessDenied::TokenInvalid),
    }
}

/// Returns true if the request has a host and each of its hosts is allowed. HTTP/2 has it in
/// `:authority`, and may have `Host` as well (RFC 9113, 8.3.1).
fn is_host_allowed<B>(names: &[String], request: &http::Request<B>) -> bool {
    let authority = request.uri().authority().filter(|_| request.version() == Version::HTTP_2);
    let headers: Vec<_> = request.headers().get_all(HOST).iter().collect();
    let has_host = authority.is_some() || !headers.is_empty();
    let hosts = authority.map(|authority| authority.as_str().as_bytes()).into_iter();
    let mut hosts = hosts.chain(headers.iter().map(|value| value.as_bytes()));
    has_host && headers.len() <= 1 && hosts.all(|host| is_allowed(names, host))
}

/// Returns true if this `Host` (`uri-host [ ":" port ]`, RFC 9110, 7.2) is an address, `localhost`
/// or one of the names.
fn is_allowed(names: &[String], host: &[u8]) -> bool {
    let Ok(host) = std::str::from_utf8(host) else {
        return false;
    };
    if let Some((address, rest)) = host.strip_prefix('[').and_then(|host| host.split_once(']')) {
        let port = rest.strip_prefix(':').unwrap_or(rest);
        return address.parse::<Ipv6Addr>().is_ok()
            && (rest.is_empty() || (rest.starts_with(':') && is_port(port)));
    }
    let (host, port) = host.split_once(':').unwrap_or((host, ""));
    if !is_port(port) {
        return false;
    }
    let name = host.strip_suffix('.').unwrap_or(host);
    let is_name = |known: &str| known.eq_ignore_ascii_case(name);
    host.parse::<Ipv4Addr>().is_ok()
        || is_name("localhost")
        || names.iter().any(|known| is_name(known))
}

/// Returns true if this is a port, which may be empty (RFC 3986, 3.2.3).
fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns the token of the `Authorization: Bearer` header (RFC 6750, 2.1), if there is exactly
/// one.
fn bearer_token(headers: &HeaderMap) -> Option<&[u8]> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let (scheme, token) = value.as_bytes().split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| token.trim_ascii())
}

#[cfg(test)]
mod tests {
    use http::{Request, Version};
    use proptest::prelude::*;

    use super::{AccessDenied, check, is_allowed};
    use crate::config::AdminAccess;

    fn access() -> AdminAccess {
        AdminAccess { hosts: vec!["validator".to_owned()], token: None, audit_token: None }
    }

    fn allowed(host: &str) -> bool {
        is_allowed(&access().hosts, host.as_bytes())
    }

    #[test]
    fn known_hosts_are_allowed() {
        for host in [
            "127.0.0.1",
            "127.0.0.1:9090",
            "192.0.2.7:80",
            "[::1]",
            "[::1]:9090",
            "[2001:db8::1]:",
            "localhost",
            "LOCALHOST:9090",
            "localhost.",
            "validator:9090",
            "Validator.",
        ] {
            assert!(allowed(host), "{host}");
        }
        for host in [
            "",
            ":9090",
            ".",
            "evil.example.com",
            "127.0.0.1.evil.example.com",
            "127.0.0.1.evil.example.com:9090",
            "localhost.evil.example.com",
            "evil.localhost",
            "localhost..",
            "user@localhost",
            "localhost:9090@evil.example.com",
            "[::1].evil.example.com",
            "[::1]evil.example.com:80",
            "[evil.example.com]",
            "[::1",
            "::1",
            "localhost:http",
            "localhost:80:80",
            "localhost, evil.example.com",
            "localhost/",
            " localhost",
            "validator.evil.example.com",
            "2130706433",
            "127.1",
        ] {
            assert!(!allowed(host), "{host}");
        }
    }

    #[test]
    fn every_host_must_be_allowed() {
        let result = |version, uri: &str, hosts: &[&str]| {
            let request = Request::builder().method("DELETE").uri(uri).version(version);
            let request = hosts.iter().fold(request, |request, host| request.header("host", *host));
            check(&access(), &request.body(()).unwrap())
        };
        let v2 = Version::HTTP_2;
        assert_eq!(result(Version::HTTP_11, "/cache", &["localhost"]), Ok(()));
        assert_eq!(result(v2, "http://localhost:1/cache", &[]), Ok(()));
        assert_eq!(result(v2, "/cache", &["localhost"]), Ok(()));
        assert_eq!(result(v2, "http://localhost/cache", &["localhost:1"]), Ok(()));
        for (version, uri, hosts) in [
            (Version::HTTP_10, "/cache", [].as_slice()),
            (Version::HTTP_11, "/cache", &[]),
            (Version::HTTP_11, "/cache", &["localhost", "localhost"]),
            (Version::HTTP_11, "/cache", &["localhost", "evil.example.com"]),
            (v2, "/cache", &[]),
            (v2, "http://evil.example.com/cache", &[]),
            (v2, "http://evil.example.com/cache", &["localhost"]),
            (v2, "http://localhost/cache", &["evil.example.com"]),
            (v2, "http://user@localhost/cache", &[]),
        ] {
            assert_eq!(result(version, uri, hosts), Err(AccessDenied::Host), "{uri} {hosts:?}");
        }
    }

    proptest! {
        #[test]
        fn unlisted_name_is_not_allowed(
            name in "[a-z0-9-]{1,9}\\.[a-z]{1,9}", port in "(:[0-9]{0,5})?",
        ) {
            let host = [name, port].concat();
            prop_assert!(!allowed(&host));
        }
    }
}

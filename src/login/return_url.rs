use std::fmt;

use super::hosts::GuardedHosts;
use crate::forwarded::is_loopback;

/// The page that a browser returns to after a login: an absolute URL on a guarded host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnUrl {
    /// The URL, with the authority in lower case and without a default port.
    url: String,
    /// The host, with the port on this machine only.
    authority: String,
}

impl ReturnUrl {
    /// The maximum length of a URL, in bytes. It is kept in a cookie until the login ends.
    pub const MAX_LENGTH: usize = 1024;

    /// Parses a URL, strictly: nothing is repaired or decoded. `None` if it is not an absolute `https`
    /// URL on one of these hosts, at the default port; on this machine `http` and any port are valid,
    /// too.
    #[must_use]
    pub fn parse(text: &str, hosts: &GuardedHosts) -> Option<Self> {
        if text.len() > Self::MAX_LENGTH {
            return None;
        }
        let (scheme, rest) = text.split_once("://")?;
        let (authority, target) = rest.split_at(rest.find('/')?);
        let authority = authority.to_ascii_lowercase();
        let (host, port) = split_port(&authority)?;
        if !hosts.contains(host) || !is_target(target) {
            return None;
        }
        let authority = match (scheme, port) {
            ("https", None | Some(443)) => host.to_owned(),
            ("http", None | Some(80)) if is_loopback(host) => host.to_owned(),
            ("http" | "https", Some(port)) if is_loopback(host) => format!("{host}:{port}"),
            _ => return None,
        };
        Some(Self { url: format!("{scheme}://{authority}{target}"), authority })
    }

    /// Returns the URL, for a `Location` header.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.url
    }

    /// Returns the host in lower case, with the port on this machine only: there, all ports share
    /// cookies.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Returns the scheme and the authority: `https://crm.example.com`.
    #[must_use]
    pub fn origin(&self) -> &str {
        let host_start = self.url.find("://").map_or(0, |end| end + 3);
        &self.url[..host_start + self.authority.len()]
    }
}

impl fmt::Display for ReturnUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}

/// Splits an authority without user information; `None` if the port is not a number in its usual form.
fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let host_end = authority.rfind(']').map_or(0, |end| end + 1);
    match authority[host_end..].find(':') {
        None => Some((authority, None)),
        Some(colon) => {
            let (host, port) = authority.split_at(host_end + colon);
            let port = &port[1..];
            let number: u16 = port.parse().ok()?;
            (number.to_string() == port).then_some((host, Some(number)))
        }
    }
}

/// Returns true if this is a path and a query as browsers send them: visible ASCII without `#`, and
/// without `\`, which browsers treat as `/`.
fn is_target(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'#' | b'\\'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{GuardedHosts, ReturnUrl};

    fn hosts() -> GuardedHosts {
        GuardedHosts::parse("crm.example.com,*.crm.example.com,localhost,*.localhost,[::1]")
            .expect("a list")
    }

    fn parse(text: &str) -> Option<ReturnUrl> {
        ReturnUrl::parse(text, &hosts())
    }

    #[test]
    fn guarded_pages_are_valid() {
        for (text, url, authority) in [
            ("https://crm.example.com/", "https://crm.example.com/", "crm.example.com"),
            (
                "https://CRM.Example.com:443/A?b=C",
                "https://crm.example.com/A?b=C",
                "crm.example.com",
            ),
            (
                "https://acme.crm.example.com//x/?to=https://evil.test/&f[]=1|2",
                "https://acme.crm.example.com//x/?to=https://evil.test/&f[]=1|2",
                "acme.crm.example.com",
            ),
            ("http://localhost:8080/a", "http://localhost:8080/a", "localhost:8080"),
            ("https://crm.localhost:8443/", "https://crm.localhost:8443/", "crm.localhost:8443"),
            ("http://[::1]:8080/", "http://[::1]:8080/", "[::1]:8080"),
            ("http://localhost:80/", "http://localhost/", "localhost"),
        ] {
            let parsed = parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((parsed.as_str(), parsed.authority()), (url, authority));
            let origin = format!("{}://{authority}", text.split(':').next().unwrap_or_default());
            assert_eq!(parsed.origin(), origin);
        }
    }

    #[test]
    fn l14_other_urls_are_not_returned_to() {
        for text in [
            "",
            "/",
            "//evil.test/",
            "/\\evil.test",
            "\\\\evil.test\\",
            "https:/evil.test/",
            "https:///evil.test/",
            "https:\\\\crm.example.com/",
            "https://evil.test/",
            "https://evil-crm.example.com/",
            "https://crm.example.com.evil.test/",
            "https://crm.example.com@evil.test/",
            "https://evil.test@crm.example.com/",
            "https://evil.test#@crm.example.com/",
            "https://evil.test?.crm.example.com/",
            "https://evil.test\\.crm.example.com/",
            "https://crm.example.com\\@evil.test/",
            "https://crm.example.com",
            "https://crm.example.com?a",
            "https://crm.example.com#a",
            "https://crm.example.com/#a",
            "https://crm.example.com/\t",
            "https://crm.example.com/\r\nSet-Cookie: a=b",
            "https://crm\t.example.com/",
            " https://crm.example.com/",
            "https://crm.example.com/ a",
            "https://crm.example.com/\u{e9}",
            "https://crm.example.com:8443/",
            "https://crm.example.com:/",
            "https://crm.example.com:0443/",
            "https://crm.example.com:+443/",
            "https://crm.example.com:99999/",
            "https://crm.example.com./",
            "http://crm.example.com/",
            "HTTPS://crm.example.com/",
            "javascript://crm.example.com/%0aalert(1)",
            "data://crm.example.com/",
            "ftp://localhost/",
            "https%3A//crm.example.com/",
            "https://crm%2eexample.com/",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        let long = format!("https://crm.example.com/{}", "a".repeat(1001));
        assert_eq!(parse(&long), None);
        assert!(parse(&long[..1024]).is_some());
    }

    proptest! {
        /// The URL parser of browsers finds the same host.
        #[test]
        fn browsers_find_the_same_host(
            prefix in "(https?:)?[/\\\\]{0,3}",
            authority in "[a-z@:.%#?\\\\]{0,6}(crm\\.example\\.com|evil\\.test)?[@:.0-9\\\\]{0,4}",
            target in "[/?#\\\\@a-z\t ]{0,8}",
        ) {
            let text = format!("{prefix}{authority}{target}");
            if let Some(parsed) = parse(&text) {
                let browser = url::Url::parse(&text).expect("a URL");
                prop_assert_eq!(browser.origin().ascii_serialization(), parsed.origin());
                prop_assert!(browser.username().is_empty() && browser.fragment().is_none());
            }
        }
    }
}

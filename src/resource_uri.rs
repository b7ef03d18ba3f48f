//! The URI of a protected resource, such as an MCP server (RFC 8707, 2).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::forwarded::{is_loopback, normalized_authority, without_port};

/// The path below which a resource's metadata is found (RFC 9728, 3).
pub const RESOURCE_METADATA_PATH: &str = "/.well-known/oauth-protected-resource";

/// The URI of a protected resource in its usual form: scheme and authority in lower case, without a default
/// port, a slash at the end, a query and a fragment. Two URIs are the same resource if they are equal.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct ResourceUri {
    text: String,
    origin_length: usize,
}

impl ResourceUri {
    /// The maximum length, in bytes.
    const MAX_LENGTH: usize = 256;

    /// Parses an `https` URI, or an `http` URI on this machine. Its path consists of letters, digits and
    /// `-._~`, without dot segments: nothing is decoded, and no program reads it in another way.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://").filter(|_| text.len() <= Self::MAX_LENGTH)?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let authority =
            normalized_authority(authority).filter(|authority| is_authority(authority))?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "https" => "https",
            "http" if is_loopback(without_port(&authority)) => "http",
            _ => return None,
        };
        let path = path.strip_suffix('/').unwrap_or(path);
        if !path.is_empty() && !path.split('/').skip(1).all(is_segment) {
            return None;
        }
        let origin = format!("{scheme}://{authority}");
        Some(Self { origin_length: origin.len(), text: origin + path })
    }

    /// Returns the URI.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the scheme and the authority: `https://mcp.example.com`.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.text[..self.origin_length]
    }

    /// Returns the host, with a port if it is not the default.
    #[must_use]
    pub fn authority(&self) -> &str {
        self.origin().split_once("://").map_or("", |(_, authority)| authority)
    }

    /// Returns the path: empty, or `/` and segments.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.text[self.origin_length..]
    }

    /// Returns the URL of the resource's metadata (RFC 9728, 3.1).
    #[must_use]
    pub fn metadata_url(&self) -> String {
        format!("{}{RESOURCE_METADATA_PATH}{}", self.origin(), self.path())
    }

    /// Returns true if a URL with this origin and path is at the resource or below it.
    #[must_use]
    pub fn covers(&self, origin: &str, path: &str) -> bool {
        let rest = path.strip_prefix(self.path());
        origin == self.origin() && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// Returns true if this is a host, with or without a port.
fn is_authority(authority: &str) -> bool {
    let host = without_port(authority);
    let port = authority[host.len()..].strip_prefix(':');
    let is_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.');
    let is_host = host == "[::1]" || (!host.is_empty() && host.bytes().all(is_name));
    is_host && (host.len() == authority.len() || port.is_some_and(is_port))
}

/// Returns true if this is a port in its usual form.
fn is_port(text: &str) -> bool {
    text.parse::<u16>().is_ok_and(|port| port > 0 && port.to_string() == text)
}

fn is_segment(text: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    !matches!(text, "" | "." | "..") && text.bytes().all(is_plain)
}

impl From<ResourceUri> for String {
    fn from(uri: ResourceUri) -> Self {
        uri.text
    }
}

impl TryFrom<String> for ResourceUri {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("not the URI of a resource")
    }
}

impl fmt::Display for ResourceUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::ResourceUri;

    fn parse(text: &str) -> Option<String> {
        ResourceUri::parse(text).map(|uri| uri.as_str().to_owned())
    }

    #[test]
    fn m04_uri_has_one_form() {
        for (text, expected) in [
            ("https://mcp.example.com", "https://mcp.example.com"),
            ("https://mcp.example.com/", "https://mcp.example.com"),
            ("HTTPS://MCP.Example.com:443/mcp", "https://mcp.example.com/mcp"),
            ("https://mcp.example.com/MCP/v1.0/", "https://mcp.example.com/MCP/v1.0"),
            ("https://mcp.example.com:8443/mcp", "https://mcp.example.com:8443/mcp"),
            ("http://localhost:8080/mcp", "http://localhost:8080/mcp"),
            ("http://[::1]:8080", "http://[::1]:8080"),
        ] {
            assert_eq!(parse(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn other_texts_are_no_resource() {
        for text in [
            "",
            "mcp.example.com",
            "https://",
            "https:///mcp",
            "http://mcp.example.com/mcp",
            "ftp://mcp.example.com",
            "https://mcp.example.com/mcp?a=b",
            "https://mcp.example.com/mcp#a",
            "https://user@mcp.example.com/mcp",
            "https://mcp.example.com//mcp",
            "https://mcp.example.com/mcp//",
            "https://mcp.example.com/../mcp",
            "https://mcp.example.com/a%2Fb",
            "https://mcp.example.com/a b",
            "https://mcp.example.com\\mcp",
            "https://mcp.example.com:0/mcp",
            "https://mcp.example.com:08443/mcp",
            "https://mcp.example.com:/mcp",
            "https://[::2]/mcp",
            "https://mcp_1.example.com/mcp",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(parse(&format!("https://mcp.example.com/{}", "a".repeat(300))), None);
    }

    #[test]
    fn parts_and_metadata_url() {
        let uri = ResourceUri::parse("https://mcp.example.com:8443/a/b").expect("a URI");
        assert_eq!((uri.origin(), uri.path()), ("https://mcp.example.com:8443", "/a/b"));
        assert_eq!(uri.authority(), "mcp.example.com:8443");
        assert_eq!(
            uri.metadata_url(),
            "https://mcp.example.com:8443/.well-known/oauth-protected-resource/a/b"
        );
        for (path, is_covered) in
            [("/a/b", true), ("/a/b/c", true), ("/a/bc", false), ("/a", false)]
        {
            assert_eq!(uri.covers("https://mcp.example.com:8443", path), is_covered, "{path}");
        }
        assert!(!uri.covers("https://mcp.example.com", "/a/b"));
    }

    proptest! {
        /// Parsing again changes nothing, and the URL parser of browsers finds the same parts.
        #[test]
        fn form_is_stable(text in "(https|HTTP|http)://[a-zA-Z0-9.:@\\[\\]-]{1,12}[/a-z.%?#\\\\~]{0,12}") {
            if let Some(uri) = ResourceUri::parse(&text) {
                prop_assert_eq!(ResourceUri::parse(uri.as_str()), Some(uri.clone()));
                if let Ok(browser) = url::Url::parse(uri.as_str()) {
                    let path = if uri.path().is_empty() { "/" } else { uri.path() };
                    prop_assert_eq!(browser.path(), path);
                    prop_assert!(browser.username().is_empty() && browser.query().is_none());
                }
            }
        }
    }
}

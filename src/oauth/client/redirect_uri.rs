use std::{borrow::Cow, fmt};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use url::Url;

/// The characters that are not unreserved (RFC 3986, 2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Schemes that no application of a person's own claims: browsers and operating systems handle them
/// themselves, as scripts, documents, network protocols or messages.
const SYSTEM_SCHEMES: &[&str] = &[
    "about",
    "acap",
    "afp",
    "android-app",
    "blob",
    "callto",
    "chrome",
    "chrome-extension",
    "cid",
    "content",
    "data",
    "dict",
    "edge",
    "facetime",
    "feed",
    "file",
    "filesystem",
    "ftp",
    "ftps",
    "geo",
    "gopher",
    "http",
    "https",
    "imap",
    "intent",
    "irc",
    "ircs",
    "itms",
    "itms-apps",
    "itms-services",
    "jar",
    "javascript",
    "jdbc",
    "ldap",
    "ldaps",
    "livescript",
    "magnet",
    "mailto",
    "market",
    "mhtml",
    "mid",
    "mk",
    "mocha",
    "moz-extension",
    "news",
    "nfs",
    "nntp",
    "opaquelocktoken",
    "pop",
    "rdp",
    "res",
    "resource",
    "rlogin",
    "rsync",
    "rtsp",
    "safari-extension",
    "safari-web-extension",
    "search",
    "search-ms",
    "sftp",
    "shell",
    "sip",
    "sips",
    "smb",
    "sms",
    "ssh",
    "tel",
    "telnet",
    "tn3270",
    "urn",
    "vbscript",
    "view-source",
    "vnc",
    "webcal",
    "ws",
    "wss",
    "wyciwyg",
    "xmpp",
];

/// A URI to which a client may receive the response of an authorization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct RedirectUri {
    uri: String,
    target: RedirectTarget,
    /// The length of the scheme with its colon.
    scheme_end: usize,
    /// The positions of the authority; empty for a private-use scheme.
    authority: (usize, usize),
}

/// The kinds of receivers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RedirectTarget {
    /// A server.
    Server,
    /// An application that listens on the loopback interface (RFC 8252, 7.3).
    Loopback,
    /// An application with a private-use scheme (RFC 8252, 7.1).
    PrivateScheme,
}

impl RedirectUri {
    /// The maximum length of a URI, in bytes.
    pub const MAX_LENGTH: usize = 512;

    /// Parses a URI, strictly: nothing is repaired, decoded or normalized. `None` if it is neither
    /// `https`, nor `http` to this machine, nor a private-use scheme in lower case, or if it has user
    /// information or a fragment, or if browsers find another host in it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"#\\\"<>".contains(&byte);
        if text.len() > Self::MAX_LENGTH || !text.bytes().all(is_plain) {
            return None;
        }
        let (scheme, rest) = text.split_once(':')?;
        let browser = Url::parse(text).ok()?;
        let has_user = !browser.username().is_empty() || browser.password().is_some();
        if browser.scheme() != scheme || has_user {
            return None;
        }
        let scheme_end = scheme.len() + 1;
        let target = match scheme {
            "https" => RedirectTarget::Server,
            "http" => RedirectTarget::Loopback,
            _ if is_private_use(scheme) => RedirectTarget::PrivateScheme,
            _ => return None,
        };
        let authority = rest.strip_prefix("//").map(|rest| match rest.find(['/', '?']) {
            Some(end) => &rest[..end],
            None => rest,
        });
        let host = authority.map(split_port).map_or(Some(None), |split| split.map(Some))?;
        let browser_host = browser.host_str().unwrap_or_default();
        if host.unwrap_or_default() != browser_host {
            return None;
        }
        let is_valid = match target {
            RedirectTarget::Server => is_host(browser_host),
            RedirectTarget::Loopback => is_loopback_name(browser_host),
            RedirectTarget::PrivateScheme => rest.starts_with('/') && rest.len() > 1,
        };
        let authority = match authority {
            Some(authority) if target != RedirectTarget::PrivateScheme => {
                (scheme_end + 2, scheme_end + 2 + authority.len())
            }
            _ => (scheme_end, scheme_end),
        };
        is_valid.then(|| Self { uri: text.to_owned(), target, scheme_end, authority })
    }

    /// Returns the URI.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.uri
    }

    /// Returns the host with its port, or the scheme of an application: `claude.ai`,
    /// `localhost:33418`, `cursor:`.
    #[must_use]
    pub fn host_or_scheme(&self) -> &str {
        match self.target {
            RedirectTarget::Server | RedirectTarget::Loopback => self.authority_text(),
            RedirectTarget::PrivateScheme => self.form_action(),
        }
    }

    /// Returns true if the receiver is an application on the person's own machine.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.target != RedirectTarget::Server
    }

    /// Returns true if the receiver listens on the loopback interface.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.target == RedirectTarget::Loopback
    }

    /// Returns the scheme with its colon, as a source of `form-action` in a content security policy.
    #[must_use]
    pub fn form_action(&self) -> &str {
        &self.uri[..self.scheme_end]
    }

    /// Returns true if a client that registered this URI may ask for that one: they are equal, or
    /// differ only in the port on the loopback interface (RFC 8252, 7.3).
    #[must_use]
    pub fn allows(&self, requested: &Self) -> bool {
        if self.uri == requested.uri {
            return true;
        }
        self.is_loopback()
            && requested.is_loopback()
            && split_port(self.authority_text()) == split_port(requested.authority_text())
            && self.uri[self.authority.1..] == requested.uri[requested.authority.1..]
    }

    /// Returns the URI with these parameters after those that it has.
    #[must_use]
    pub fn with_parameters(&self, parameters: &[(&str, &str)]) -> String {
        let mut uri = self.uri.clone();
        for (name, value) in parameters {
            if !uri.contains('?') {
                uri.push('?');
            } else if !uri.ends_with(['?', '&']) {
                uri.push('&');
            }
            uri.push_str(&encode(name));
            uri.push('=');
            uri.push_str(&encode(value));
        }
        uri
    }

    fn authority_text(&self) -> &str {
        &self.uri[self.authority.0..self.authority.1]
    }
}

impl From<RedirectUri> for String {
    fn from(uri: RedirectUri) -> Self {
        uri.uri
    }
}

impl TryFrom<String> for RedirectUri {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("not a redirect URI")
    }
}

impl fmt::Display for RedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.uri)
    }
}

fn encode(text: &str) -> Cow<'_, str> {
    utf8_percent_encode(text, RESERVED).into()
}

/// Returns the host of an authority without user information; `None` if the port is not a number in
/// its usual form.
fn split_port(authority: &str) -> Option<&str> {
    let host_end = authority.rfind(']').map_or(0, |end| end + 1);
    let Some(colon) = authority[host_end..].find(':') else { return Some(authority) };
    let (host, port) = authority.split_at(host_end + colon);
    let number: u16 = port[1..].parse().ok()?;
    (number > 0 && number.to_string() == port[1..]).then_some(host)
}

/// Returns true for a host name in lower case or an IP address. URLs may contain other hosts, such as
/// `*`, but no server has them.
fn is_host(text: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b);
    text.starts_with('[') || (!text.is_empty() && text.bytes().all(is_plain))
}

fn is_loopback_name(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1" | "[::1]")
}

/// Returns true for a scheme in lower case (RFC 3986, 3.1) that an application may claim.
fn is_private_use(scheme: &str) -> bool {
    let mut bytes = scheme.bytes();
    let is_scheme = bytes.next().is_some_and(|byte| byte.is_ascii_lowercase())
        && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-.".contains(&b));
    is_scheme && !scheme.starts_with("ms-") && SYSTEM_SCHEMES.binary_search(&scheme).is_err()
}

#[cfg(test)]
mod tests;

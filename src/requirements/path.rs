//! Paths that every program interprets alike.

use std::{borrow::Cow, fmt};

use percent_encoding::percent_decode_str;

/// A path to check capabilities on, such as `route/crm`. It has no white space at its ends, which
/// Vault removes before it evaluates policies (Go's `strings.TrimSpace`; both that and Rust's
/// `trim` use Unicode's `White_Space`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AclPath(Box<str>);

/// The error for a request path that another program may interpret as a different path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AmbiguousPath;

/// The maximum length of a joined path, in bytes.
const MAX_LENGTH: usize = 8192;

impl AclPath {
    /// Parses a path: non-empty segments between single slashes, none of them `.` or `..`, no
    /// unresolved placeholder of a proxy, and no white space at its ends.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let placeholder = text.contains(['{', '}', char::REPLACEMENT_CHARACTER]);
        let plain = text.split('/').all(is_safe_segment) && text.trim() == text;
        let valid = !placeholder && text.len() <= MAX_LENGTH && plain;
        valid.then(|| Self(text.into()))
    }

    /// Returns the path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Appends the decoded path of a request target to this path.
    ///
    /// A path is accepted only if every program arrives at the same one, even if it decodes once or
    /// not at all, resolves dot segments, merges slashes, treats `\` as `/`, or cuts at `;`. Vault
    /// itself does none of this: `a/../b` and `a//b` are names under `a`. But it removes white
    /// space at the ends.
    ///
    /// # Errors
    /// [`AmbiguousPath`] if programs may interpret it differently.
    pub fn join(&self, target: &str) -> Result<String, AmbiguousPath> {
        let path = target.split('?').next().unwrap_or_default();
        let path = path.strip_prefix('/').ok_or(AmbiguousPath)?;
        let decoded = decode(path).ok_or(AmbiguousPath)?;
        // The decoded text is checked as well as the encoded one, in which `%2F` is not a slash.
        let directory = decoded.strip_suffix('/').unwrap_or(&decoded);
        let plain = decoded.is_empty() || directory.split('/').all(is_safe_segment);
        let plain = plain && decoded.trim_end() == decoded;
        let same_slashes = decoded.matches('/').count() == path.matches('/').count();
        let short = self.0.len() + decoded.len() < MAX_LENGTH;
        let clear = plain && same_slashes && short;
        clear.then(|| format!("{}/{decoded}", self.0)).ok_or(AmbiguousPath)
    }
}

impl AclPath {
    /// Appends an MCP method, and the name of a tool or a prompt or the URI of a resource, to this path. A
    /// name is one text, of which nothing is decoded: it may contain `//`. A dot segment in it is refused,
    /// since the server may resolve it, and Vault's policies do not; so is an encoded character that needs no
    /// encoding. A slash at the end is refused, since Vault ignores it for some rules.
    ///
    /// # Errors
    /// [`AmbiguousPath`] if the server or Vault may interpret it differently.
    pub fn join_mcp(&self, method: &str, name: Option<&str>) -> Result<String, AmbiguousPath> {
        let Some(name) = name else { return Ok(format!("{}/{method}", self.0)) };
        let octets = percent_decode_str(name).decode_utf8().map_err(|_| AmbiguousPath)?;
        let is_clear = |text: &str| {
            let mut segments = text.split(['/', '\\', '?', '#', ';']);
            !text.contains(char::is_control) && !segments.any(|one| matches!(one, "." | ".."))
        };
        // Vault removes a white space at the end.
        let is_encoded_twice = octets.contains('%') || has_needless_encoding(name);
        let is_plain = is_clear(name) && is_clear(&octets) && !is_encoded_twice;
        let is_plain = is_plain && !name.is_empty() && name.trim() == name && !name.ends_with('/');
        let path = format!("{}/{method}/{name}", self.0);
        if is_plain && path.len() <= MAX_LENGTH { Ok(path) } else { Err(AmbiguousPath) }
    }
}

impl fmt::Display for AclPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Returns true if an unreserved character is percent-encoded (RFC 3986, 2.3): programs treat the text with
/// and without the encoding as the same.
fn has_needless_encoding(text: &str) -> bool {
    text.split('%').skip(1).any(|rest| {
        let octet = rest.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        octet.is_some_and(|octet| octet.is_ascii_alphanumeric() || b"-._~".contains(&octet))
    })
}

/// Removes the percent-encoding if that is unambiguous: every `%` begins an octet, the octets are
/// UTF-8, and the result contains no `%` that could be decoded again.
fn decode(path: &str) -> Option<Cow<'_, str>> {
    let octets = |part: &str| part.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
    if !path.split('%').skip(1).all(octets) {
        return None;
    }
    let decoded = percent_decode_str(path).decode_utf8().ok()?;
    (!decoded.contains('%')).then_some(decoded)
}

/// Returns true if no program interprets the segment as more than a name.
fn is_safe_segment(segment: &str) -> bool {
    let odd = |c: char| c.is_control() || matches!(c, '\\' | ';' | '#' | '?');
    !matches!(segment, "" | "." | "..") && !segment.contains(odd)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{AclPath, AmbiguousPath};

    fn join(target: &str) -> Result<String, AmbiguousPath> {
        AclPath::parse("route/crm").expect("a path").join(target)
    }

    #[test]
    fn safe_path_is_appended() {
        for (target, expected) in [
            ("/", "route/crm/"),
            ("/?x=/../y", "route/crm/"),
            ("/contacts/7", "route/crm/contacts/7"),
            ("/contacts/", "route/crm/contacts/"),
            ("/J%C3%BCrgen%20M", "route/crm/Jürgen M"),
            ("/a.b/..c/d..", "route/crm/a.b/..c/d.."),
            ("/a+b/*", "route/crm/a+b/*"),
            ("/%20a%20b/%20c/", "route/crm/ a b/ c/"),
            ("/a%20/", "route/crm/a /"),
            ("/a%E2%80%8B", "route/crm/a\u{200b}"),
        ] {
            assert_eq!(join(target).as_deref(), Ok(expected), "{target}");
        }
    }

    #[test]
    fn m09_name_of_a_tool_or_a_resource_is_appended() {
        let route = AclPath::parse("route/mcp").expect("a path");
        for (method, name, expected) in [
            ("tools/list", None, "route/mcp/tools/list"),
            ("tools/call", Some("send_mail"), "route/mcp/tools/call/send_mail"),
            ("resources/read", Some("file:///a/b.txt"), "route/mcp/resources/read/file:///a/b.txt"),
            ("resources/read", Some("n://a%20b?c=..d"), "route/mcp/resources/read/n://a%20b?c=..d"),
            ("prompts/get", Some("grüße *+"), "route/mcp/prompts/get/grüße *+"),
        ] {
            assert_eq!(route.join_mcp(method, name).as_deref(), Ok(expected));
        }
        for name in [
            "",
            " ",
            "send_mail ",
            "a\u{a0}",
            "a\0b",
            "a%00b",
            "a%0ab",
            "file:///a/../b.txt",
            "file:///a/%2e%2E/b.txt",
            "file:///a/.",
            "a\\..\\b",
            "..",
            "a/..?b",
            "%ff",
            "file:///%73ecret/x",
            "file:///pub/%252e%252e/secret",
            "100%",
            "a/",
        ] {
            assert_eq!(route.join_mcp("resources/read", Some(name)), Err(AmbiguousPath), "{name}");
        }
    }

    #[test]
    fn ambiguous_path_is_rejected() {
        for target in [
            "",
            "*",
            "a",
            "http://h/a",
            "//",
            "/a//b",
            "/a//",
            "/.",
            "/..",
            "/a/../b",
            "/a/./b",
            "/a/..",
            "/%2e%2e/b",
            "/a/%2E%2e",
            "/a/.%2e/b",
            "/a%2fb",
            "/a%2Fb",
            "/%2f",
            "/a%5cb",
            "/a\\b",
            "/..;/b",
            "/a;x=1/b",
            "/a%3Bb",
            "/a%00b",
            "/a%0d%0ab",
            "/a%7f",
            "/%ff",
            "/%C3",
            "/%c0%ae",
            "/a%252e",
            "/100%25",
            "/a%",
            "/a%2",
            "/a%zz",
            "/a%20",
            "/%20",
            "/a ",
            "/a%C2%A0",
            "/a%E2%80%83",
            "/a%E3%80%80",
            "/a#b",
            "/a%23b",
            "/a%3fb",
            "/a\u{85}b",
        ] {
            assert_eq!(join(target), Err(AmbiguousPath), "{target}");
        }
    }

    #[test]
    fn required_path_is_safe() {
        for path in ["a", "route/crm", "secret/data/x.y"] {
            assert!(AclPath::parse(path).is_some(), "{path}");
        }
        for path in [
            "",
            "/a",
            "a/",
            "a//b",
            "..",
            "a/../b",
            "a/./b",
            "a/{labels.2}",
            "a;b",
            "a\0",
            " a",
            "a ",
            "a\u{a0}",
            "\u{3000}a/b",
        ] {
            assert!(AclPath::parse(path).is_none(), "{path}");
        }
    }

    /// Interprets a path as a lenient backend does: decodes it, treats `\` as `/`, cuts parameters,
    /// merges slashes and resolves dot segments.
    fn as_lenient_backend(path: &str) -> String {
        let decoded = percent_encoding::percent_decode_str(path).decode_utf8_lossy().into_owned();
        let mut segments: Vec<&str> = Vec::new();
        let slashes = decoded.replace('\\', "/");
        for segment in slashes.split('/') {
            match segment.split(';').next().unwrap_or_default() {
                "" | "." => {}
                ".." => drop(segments.pop()),
                name => segments.push(name),
            }
        }
        let slash = if slashes.len() > 1 && slashes.ends_with('/') { "/" } else { "" };
        format!("/{}{slash}", segments.join("/"))
    }

    proptest! {
        #[test]
        fn accepted_path_is_unchanged_by_lenient_backend(
            target in "/((\\.|%2e|%2E|/|%2f|\\\\|%5c|;|%25|%32|%65|a|b|%61|%C3%BC|%|\\?|#|%00){0,12})",
        ) {
            if let Ok(joined) = join(&target) {
                let path = target.split('?').next().unwrap_or_default();
                let once = as_lenient_backend(path);
                prop_assert_eq!(joined, format!("route/crm{}", once.clone()));
                prop_assert_eq!(as_lenient_backend(&once), once);
            }
        }

        #[test]
        fn any_text_is_joined_or_rejected(target in "\\PC{0,60}") {
            let _ = join(&target);
        }
    }
}

//! The methods of the Model Context Protocol, revision 2026-07-28, that clients send to servers
//! (<https://modelcontextprotocol.io/specification/2026-07-28>).

use crate::capabilities::Capabilities;

/// The method that runs a tool, and so may change something. All others only read.
pub const TOOL_CALL: &str = "tools/call";

/// The methods whose requests have a name: that of a tool or a prompt, or the URI of a resource. Servers
/// compare it with the body for these methods only; that of another method decides nothing.
pub const NAMED_METHODS: [&str; 3] = [TOOL_CALL, "prompts/get", "resources/read"];

/// The methods whose requests have no name. `ping` is one of older revisions, and harmless.
pub const UNNAMED_METHODS: [&str; 8] = [
    "server/discover",
    "tools/list",
    "prompts/list",
    "resources/list",
    "resources/templates/list",
    "completion/complete",
    "subscriptions/listen",
    "ping",
];

/// The first segments of further methods: of notifications, and of the extension for long-running tools.
pub const METHOD_FAMILIES: [&str; 2] = ["notifications", "tasks"];

/// The methods that every caller of a tool needs. Clients list the tools after a call to check its result
/// against the schema, and report a failure if that is denied.
pub const LISTING_METHODS: [&str; 2] = ["server/discover", "tools/list"];

/// The maximum length of a method, in bytes.
const MAX_METHOD: usize = 64;

/// Returns true for segments of letters and `_`, separated by slashes: `resources/templates/list`.
#[must_use]
pub fn is_method(text: &str) -> bool {
    let is_segment = |segment: &str| {
        !segment.is_empty()
            && segment.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_')
    };
    text.len() <= MAX_METHOD && text.split('/').all(is_segment)
}

/// Returns the capabilities that a request of this method requires: a tool may change something, and the
/// other methods only read.
#[must_use]
pub fn required_capabilities(method: &str) -> Capabilities {
    match method {
        TOOL_CALL => Capabilities::UPDATE,
        _ => Capabilities::READ,
    }
}

/// Splits `METHOD/NAME` after one of [`NAMED_METHODS`].
#[must_use]
pub fn split_name(text: &str) -> Option<(&'static str, &str)> {
    NAMED_METHODS.into_iter().find_map(|method| {
        let name = text.strip_prefix(method)?.strip_prefix('/')?;
        Some((method, name))
    })
}

#[cfg(test)]
mod tests {
    use super::{LISTING_METHODS, NAMED_METHODS, UNNAMED_METHODS, is_method, split_name};

    #[test]
    fn methods_have_the_form_of_one() {
        for method in NAMED_METHODS.iter().chain(&UNNAMED_METHODS) {
            assert!(is_method(method), "{method}");
        }
        assert!(LISTING_METHODS.iter().all(|method| UNNAMED_METHODS.contains(method)));
    }

    #[test]
    fn name_follows_a_method() {
        assert_eq!(split_name("tools/call/a/b"), Some(("tools/call", "a/b")));
        assert_eq!(split_name("resources/read/file:///a"), Some(("resources/read", "file:///a")));
        assert_eq!(split_name("tools/call/"), Some(("tools/call", "")));
        for text in ["tools/call", "tools/list/a", "tools/callx/a", ""] {
            assert_eq!(split_name(text), None, "{text}");
        }
    }
}

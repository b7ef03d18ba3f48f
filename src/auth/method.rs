//! The methods of a request, overrides included, and the capabilities that they require.

use std::{borrow::Cow, fmt};

use percent_encoding::percent_decode;

use crate::{capabilities::Capabilities, mcp_methods};

/// Query parameters that override the method in common frameworks: `_method` (Rack, Laravel,
/// Symfony, `WordPress`), `_HttpMethod` (Salesforce), and the names of the usual header fields.
/// Normalized as by [`normalized_name`].
const OVERRIDE_PARAMETERS: [&str; 5] =
    ["_method", "_httpmethod", "x_http_method_override", "x_http_method", "x_method_override"];

/// A method, and the capabilities of which Vault has to grant at least one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct MethodRequirement<'r> {
    method: Cow<'r, str>,
    capabilities: Capabilities,
}

impl<'r> MethodRequirement<'r> {
    /// Returns the requirement of the request's own method; `None` if it has no capability. Methods
    /// are case-sensitive (RFC 9110, 9.1).
    pub(super) fn for_method(method: &'r str) -> Option<Self> {
        required_capabilities(method)
            .map(|capabilities| Self { method: method.into(), capabilities })
    }

    /// Returns the requirement of a method of the Model Context Protocol.
    pub(super) fn for_mcp(method: &'r str) -> Self {
        Self { method: method.into(), capabilities: mcp_methods::required_capabilities(method) }
    }

    /// Returns the requirements of the methods that parameters of this query override the request's
    /// own with; `None` if one of them has no capability. Frameworks accept such methods in any
    /// case.
    pub(super) fn for_overrides(query: &[u8]) -> Option<Vec<Self>> {
        // Each parameter name contains an `m`, which may be encoded.
        if !query.iter().any(|byte| matches!(byte, b'm' | b'M' | b'%')) {
            return Some(Vec::new());
        }
        override_methods(query)
            .map(|value| {
                let method = String::from_utf8(value).ok()?;
                required_capabilities(&method)
                    .map(|capabilities| Self { method: method.into(), capabilities })
            })
            .collect()
    }

    /// Returns true if one of the capabilities is granted.
    pub(super) fn is_satisfied_by(&self, granted: Capabilities) -> bool {
        granted.has_any(self.capabilities)
    }
}

impl fmt::Display for MethodRequirement<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} needs {}", self.method, self.capabilities.names().join(" or "))
    }
}

/// Returns the capabilities of which one has to be granted for a method. Other methods are always
/// denied.
fn required_capabilities(method: &str) -> Option<Capabilities> {
    match method {
        "GET" | "HEAD" | "OPTIONS" => Some(Capabilities::READ),
        "POST" => Some(Capabilities::CREATE | Capabilities::UPDATE),
        "PUT" => Some(Capabilities::UPDATE),
        "PATCH" => Some(Capabilities::PATCH),
        "DELETE" => Some(Capabilities::DELETE),
        _ => None,
    }
}

/// Returns the methods in this query that may override the request's own, in upper case. Parameters
/// end at `&`, and in some parsers at `;`.
fn override_methods(query: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    query.split(|byte| matches!(byte, b'&' | b';' | b'#')).filter_map(|parameter| {
        let equals = parameter.iter().position(|byte| *byte == b'=').unwrap_or(parameter.len());
        let (name, value) = parameter.split_at(equals);
        let is_override =
            OVERRIDE_PARAMETERS.iter().any(|known| normalized_name(name).eq(known.bytes()));
        is_override.then(|| {
            let value = percent_decode(value.get(1..).unwrap_or_default());
            let value: Vec<u8> = value.map(|byte| if byte == b'+' { b' ' } else { byte }).collect();
            value.trim_ascii().to_ascii_uppercase()
        })
    })
}

/// Returns a parameter's name as the most lenient parser reads it: decoded, without leading white
/// space, in lower case, with `_` for punctuation, and cut off at a NUL byte or at the `[` of an
/// array.
fn normalized_name(name: &[u8]) -> impl Iterator<Item = u8> {
    percent_decode(name)
        .skip_while(|byte| byte.is_ascii_whitespace() || *byte == b'+')
        .take_while(|byte| !matches!(byte, 0 | b'['))
        .map(|byte| if byte.is_ascii_alphanumeric() { byte.to_ascii_lowercase() } else { b'_' })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{MethodRequirement, override_methods, required_capabilities};

    fn found(query: &str) -> Vec<String> {
        override_methods(query.as_bytes())
            .map(|value| String::from_utf8(value).expect("text"))
            .collect()
    }

    #[test]
    fn override_is_found_in_every_notation() {
        for name in [
            "_method",
            "_METHOD",
            "_Method",
            "%5fmethod",
            "%5F%6d%65thod",
            "_method[]",
            "_method%5B0%5D",
            "_method[a][b]",
            "+_method",
            "%20_method",
            ".method",
            "_method%00x",
            "_HttpMethod",
            "X-HTTP-Method-Override",
            "x_http_method_override",
            "X-HTTP-Method",
            "X-Method-Override",
        ] {
            for query in [
                format!("{name}=delete"),
                format!("a=b&{name}=Delete"),
                format!("a=b;{name}=DELETE"),
                format!("{name}=%44elete&a=b"),
                format!("&&{name}=+delete%20#a"),
                format!("a&{name}=%20delete;"),
            ] {
                assert_eq!(found(&query), ["DELETE"], "{query}");
            }
        }
    }

    #[test]
    fn other_parameters_override_nothing() {
        for query in [
            "",
            "method=delete",
            "__method=delete",
            "a_method=delete",
            "methods=delete",
            "a=_method",
            "a=%26_method%3Ddelete",
            "[_method]=delete",
            "a[_method]=delete",
            "%255fmethod=delete",
        ] {
            assert!(found(query).is_empty(), "{query}");
        }
    }

    #[test]
    fn unknown_override_method_is_denied() {
        assert_eq!(found("_method=put&_method=get&_method"), ["PUT", "GET", ""]);
        assert_eq!(MethodRequirement::for_overrides(b"a=b").map(|all| all.len()), Some(0));
        assert_eq!(
            MethodRequirement::for_overrides(b"_method=put&_method=get").map(|all| all.len()),
            Some(2)
        );
        for query in
            ["_method", "_method=", "_method=x", "_method=PUT&_method=TRACE", "_method=%ff"]
        {
            assert_eq!(MethodRequirement::for_overrides(query.as_bytes()), None, "{query}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_parsed(query in prop::collection::vec(any::<u8>(), 0..60), method in "\\PC{0,8}") {
            let _ = MethodRequirement::for_overrides(&query);
            prop_assert_eq!(MethodRequirement::for_method(&method).is_some(), required_capabilities(&method).is_some());
        }
    }
}

//! The methods that a request may be acted on by, and what each needs.

use std::{borrow::Cow, fmt};

use percent_encoding::percent_decode;

use crate::capabilities::Capabilities;

/// Query parameters by which frameworks let a client override the method: `_method` (Rack, Laravel,
/// Symfony, `WordPress`), `_HttpMethod` (Salesforce), and the names of the usual header fields. As
/// [`plain_name`] writes them.
const OVERRIDES: [&str; 5] =
    ["_method", "_httpmethod", "x_http_method_override", "x_http_method", "x_method_override"];

/// A method, and the capabilities of which Vault has to grant one for it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Need<'r> {
    method: Cow<'r, str>,
    capabilities: Capabilities,
}

impl<'r> Need<'r> {
    /// What the request's own method needs; `None` if nothing stands for it. Methods are
    /// case-sensitive (RFC 9110, 9.1).
    pub(super) fn of(method: &'r str) -> Option<Self> {
        implied(method).map(|capabilities| Self { method: method.into(), capabilities })
    }

    /// What each method needs that a parameter of this query overrides the request's own by;
    /// `None` if nothing stands for one of them. Frameworks take such a method in any case.
    pub(super) fn of_overrides(query: &[u8]) -> Option<Vec<Self>> {
        // Each of their names has an `m`, which may be encoded.
        if !query.iter().any(|byte| matches!(byte, b'm' | b'M' | b'%')) {
            return Some(Vec::new());
        }
        overrides(query)
            .map(|value| {
                let method = String::from_utf8(value).ok()?;
                implied(&method).map(|capabilities| Self { method: method.into(), capabilities })
            })
            .collect()
    }

    /// Whether enough is granted.
    pub(super) fn is_met_by(&self, granted: Capabilities) -> bool {
        granted.has_any(self.capabilities)
    }
}

impl fmt::Display for Need<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} needs {}", self.method, self.capabilities.names().join(" or "))
    }
}

/// The capabilities of which one has to be granted for a request with this method. One that is not
/// listed is nobody's right.
fn implied(method: &str) -> Option<Capabilities> {
    match method {
        "GET" | "HEAD" | "OPTIONS" => Some(Capabilities::READ),
        "POST" => Some(Capabilities::CREATE | Capabilities::UPDATE),
        "PUT" => Some(Capabilities::UPDATE),
        "PATCH" => Some(Capabilities::PATCH),
        "DELETE" => Some(Capabilities::DELETE),
        _ => None,
    }
}

/// The methods in this query that may override the request's own, in upper case. Parameters end at
/// `&`, and at `;` to some readers.
fn overrides(query: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    query.split(|byte| matches!(byte, b'&' | b';' | b'#')).filter_map(|parameter| {
        let equals = parameter.iter().position(|byte| *byte == b'=').unwrap_or(parameter.len());
        let (name, value) = parameter.split_at(equals);
        let is_override = OVERRIDES.iter().any(|known| plain_name(name).eq(known.bytes()));
        is_override.then(|| {
            let value = percent_decode(value.get(1..).unwrap_or_default());
            let value: Vec<u8> = value.map(|byte| if byte == b'+' { b' ' } else { byte }).collect();
            value.trim_ascii().to_ascii_uppercase()
        })
    })
}

/// The name of a parameter as the most lenient reader takes it: decoded, without blanks before it,
/// in any case, with `_` for punctuation, cut off at a zero byte, and also if it begins an array.
fn plain_name(name: &[u8]) -> impl Iterator<Item = u8> {
    percent_decode(name)
        .skip_while(|byte| byte.is_ascii_whitespace() || *byte == b'+')
        .take_while(|byte| !matches!(byte, 0 | b'['))
        .map(|byte| if byte.is_ascii_alphanumeric() { byte.to_ascii_lowercase() } else { b'_' })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Need, implied, overrides};

    fn found(query: &str) -> Vec<String> {
        overrides(query.as_bytes()).map(|value| String::from_utf8(value).expect("text")).collect()
    }

    #[test]
    fn override_is_found_however_its_name_is_written() {
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
    fn every_override_counts_and_one_without_a_meaning_is_refused() {
        assert_eq!(found("_method=put&_method=get&_method"), ["PUT", "GET", ""]);
        assert_eq!(Need::of_overrides(b"a=b").map(|all| all.len()), Some(0));
        assert_eq!(Need::of_overrides(b"_method=put&_method=get").map(|all| all.len()), Some(2));
        for query in
            ["_method", "_method=", "_method=x", "_method=PUT&_method=TRACE", "_method=%ff"]
        {
            assert_eq!(Need::of_overrides(query.as_bytes()), None, "{query}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(query in prop::collection::vec(any::<u8>(), 0..60), method in "\\PC{0,8}") {
            let _ = Need::of_overrides(&query);
            prop_assert_eq!(Need::of(&method).is_some(), implied(&method).is_some());
        }
    }
}

//! The headers of the Model Context Protocol, by which a request is authorized without its body.
//!
//! A server of revision 2026-07-28 refuses a request whose body differs from them
//! (<https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http>). Servers of
//! other revisions do not, so that no other revision is accepted.

use std::{borrow::Cow, fmt};

use base64::{Engine, prelude::BASE64_STANDARD};

use super::ForwardedRequest;
use crate::{
    headers::RequestHeaders,
    mcp_methods::{NAMED_METHODS, is_method},
};

/// The revisions in which the headers are binding.
pub const MCP_VERSIONS: [&str; 1] = ["2026-07-28"];

const VERSION: &str = "mcp-protocol-version";
const METHOD: &str = "mcp-method";
const NAME: &str = "mcp-name";

/// A call of the Model Context Protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct McpCall<'h> {
    /// The method, such as `tools/call`.
    pub method: &'h str,
    /// The decoded name of the tool or the prompt, or the URI of the resource.
    pub name: Option<Cow<'h, str>>,
}

/// The reason why a request is not a call that can be authorized by its headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum McpError {
    /// The revision is not one of [`MCP_VERSIONS`]; the requested one, if it has the form of one.
    UnsupportedVersion(Option<Box<str>>),
    /// A header is missing, occurs more than once or is malformed.
    Header(&'static str),
    /// The request is not a `POST`.
    Method,
}

impl<'h> ForwardedRequest<'h> {
    /// Returns the call of the Model Context Protocol that the original request makes.
    ///
    /// # Errors
    /// [`McpError`]
    pub fn mcp_call(&self) -> Result<McpCall<'h>, McpError> {
        let call = McpCall::read(self.fields)?;
        // The headers say nothing about the stream of a `GET`.
        if self.method() == Ok("POST") { Ok(call) } else { Err(McpError::Method) }
    }
}

impl McpCall<'_> {
    /// Returns the names and values of the headers with which a client makes this call.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, String)> {
        let version = (VERSION, MCP_VERSIONS[0].to_owned());
        let name = self.name.as_deref().map(|name| (NAME, encode(name)));
        [version, (METHOD, self.method.to_owned())].into_iter().chain(name)
    }
}

impl<'h> McpCall<'h> {
    fn read(fields: RequestHeaders<'h>) -> Result<Self, McpError> {
        check_version(fields)?;
        if fields.has_similar(&[VERSION, METHOD, NAME]) {
            return Err(McpError::Header(METHOD));
        }
        let method = single(fields, METHOD)?.filter(|method| is_method(method));
        let method = method.ok_or(McpError::Header(METHOD))?;
        let name = single(fields, NAME)?;
        if !NAMED_METHODS.contains(&method) {
            return Ok(Self { method, name: None });
        }
        let name = name.and_then(decode).ok_or(McpError::Header(NAME))?;
        Ok(Self { method, name: Some(name) })
    }
}

fn check_version(fields: RequestHeaders<'_>) -> Result<(), McpError> {
    let version = single(fields, VERSION)?;
    if version.is_some_and(|version| MCP_VERSIONS.contains(&version)) {
        return Ok(());
    }
    let is_date = |text: &&str| {
        text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
    };
    Err(McpError::UnsupportedVersion(version.filter(is_date).map(Into::into)))
}

/// Returns the value of a header, without blanks at its ends; an error if there are several: programs
/// differ in which one they read.
fn single<'h>(fields: RequestHeaders<'h>, name: &'static str) -> Result<Option<&'h str>, McpError> {
    let mut values = fields.get_all(name);
    let Some(value) = values.next() else { return Ok(None) };
    let is_visible = |byte: &u8| matches!(byte, b' '..=b'~');
    let value = value.trim_ascii();
    let text = std::str::from_utf8(value).ok().filter(|_| value.iter().all(is_visible));
    match (text, values.next()) {
        (Some(text), None) => Ok(Some(text)),
        _ => Err(McpError::Header(name)),
    }
}

/// Decodes a name. One that is not visible ASCII is sent as `=?base64?…?=`, and a marker that differs
/// from this form, also in its case, is malformed.
fn decode(value: &str) -> Option<Cow<'_, str>> {
    let Some(rest) = value.strip_prefix("=?") else {
        return (!value.is_empty()).then_some(value.into());
    };
    let encoded = rest.strip_prefix("base64?")?.strip_suffix("?=")?;
    let name = String::from_utf8(BASE64_STANDARD.decode(encoded).ok()?).ok()?;
    (!name.is_empty()).then_some(name.into())
}

/// Encodes a name as clients do: as it is if it is visible ASCII, else as `=?base64?…?=`.
fn encode(name: &str) -> String {
    let is_plain = name.bytes().all(|byte| matches!(byte, b' '..=b'~'))
        && name.trim() == name
        && !name.starts_with("=?");
    if is_plain { name.to_owned() } else { format!("=?base64?{}?=", BASE64_STANDARD.encode(name)) }
}

/// `METHOD` or `METHOD/NAME`.
impl fmt::Display for McpCall<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{}/{name}", self.method),
            None => f.write_str(self.method),
        }
    }
}

impl fmt::Display for McpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnsupportedVersion(_) => write!(
                f,
                "MCP-Protocol-Version has to be {}: only then a server refuses a body that differs from \
                 the headers",
                MCP_VERSIONS.join(" or ")
            ),
            Self::Header(VERSION) => f.write_str("MCP-Protocol-Version occurs more than once"),
            Self::Header(METHOD) => {
                f.write_str("Mcp-Method is missing, occurs more than once or is malformed")
            }
            Self::Header(_) => {
                f.write_str("Mcp-Name is missing, occurs more than once or is malformed")
            }
            Self::Method => f.write_str("a call of the Model Context Protocol is sent by POST"),
        }
    }
}

impl std::error::Error for McpError {}

#[cfg(test)]
mod tests {
    use httparse::Header;
    use proptest::prelude::*;

    use super::{METHOD, McpCall, McpError, NAME, VERSION};
    use crate::headers::RequestHeaders;

    fn read(headers: &[(&'static str, &str)]) -> Result<(String, Option<String>), McpError> {
        let raw: Vec<_> =
            headers.iter().map(|(name, value)| Header { name, value: value.as_bytes() }).collect();
        let call = McpCall::read(RequestHeaders::Raw(&raw))?;
        Ok((call.method.to_owned(), call.name.map(Into::into)))
    }

    fn call(method: &str, name: Option<&str>) -> Result<(String, Option<String>), McpError> {
        let mut headers = vec![("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", method)];
        headers.extend(name.map(|name| ("Mcp-Name", name)));
        read(&headers)
    }

    #[test]
    fn m09_name_is_decoded() {
        let named = |name: &str| Ok(("tools/call".to_owned(), Some(name.to_owned())));
        for (value, name) in [
            ("send_mail", "send_mail"),
            ("  send_mail\t", "send_mail"),
            ("=?base64?c2VuZF9tYWls?=", "send_mail"),
            ("=?base64?Z3LDvMOfZQ==?=", "grüße"),
            ("file:///a/../b.txt", "file:///a/../b.txt"),
            ("%41", "%41"),
        ] {
            assert_eq!(call("tools/call", Some(value)), named(name), "{value}");
        }
        assert_eq!(call("tools/list", None), Ok(("tools/list".to_owned(), None)));
    }

    #[test]
    fn m09_missing_or_malformed_header_is_an_error() {
        for value in [
            "",
            "=?BASE64?c2VuZF9tYWls?=",
            "=?Base64?c2VuZF9tYWls?=",
            "=?base64?c2VuZF9tYWls",
            "=?base64??=",
            "=?base64?Z3LDvMOfZQ?=",
            "=?base64?/w==?=",
            "=?utf-8?q?a?=",
            "gr\u{fc}n",
            "a\u{1}b",
        ] {
            assert_eq!(call("tools/call", Some(value)), Err(McpError::Header(NAME)), "{value}");
        }
        for method in ["tools/call", "prompts/get", "resources/read"] {
            assert_eq!(call(method, None), Err(McpError::Header(NAME)), "{method}");
        }
        for method in ["tools/list", "server/discover", "tools", "TOOLS/CALL"] {
            assert_eq!(call(method, Some("a")), Ok((method.to_owned(), None)), "{method}");
        }
        for method in
            ["", "/", "tools/", "/tools", "tools//call", "tools/call/x-y", "tools/%63all", "*"]
        {
            assert_eq!(call(method, None), Err(McpError::Header(METHOD)), "{method}");
        }
        let version = ("mcp-protocol-version", "2026-07-28");
        assert_eq!(read(&[version]), Err(McpError::Header(METHOD)));
    }

    #[test]
    fn m10_other_versions_are_not_supported() {
        for (version, named) in [
            ("2025-11-25", true),
            ("2099-01-01", true),
            ("2026-07-28 ,2025-11-25", false),
            ("", false),
            ("<script>", false),
        ] {
            let found = read(&[("mcp-protocol-version", version), ("mcp-method", "tools/list")]);
            let requested = named.then(|| version.into());
            assert_eq!(found, Err(McpError::UnsupportedVersion(requested)), "{version}");
        }
        let found = read(&[("mcp-method", "tools/list")]);
        assert_eq!(found, Err(McpError::UnsupportedVersion(None)));
    }

    #[test]
    fn m10_repeated_header_is_an_error() {
        let all = [
            ("MCP-Protocol-Version", "2026-07-28", VERSION),
            ("Mcp-Method", "tools/call", METHOD),
            ("Mcp-Name", "a", NAME),
        ];
        let headers = all.map(|(name, value, _)| (name, value));
        assert!(read(&headers).is_ok());
        for (name, value, canonical) in all {
            for other in [value, "2025-11-25", ""] {
                for repeated in [
                    [&[(name, other)], &headers[..]].concat(),
                    [&headers[..], &[(name, other)]].concat(),
                ] {
                    assert_eq!(read(&repeated), Err(McpError::Header(canonical)), "{name} {other}");
                }
            }
        }
    }

    #[test]
    fn m09_similar_header_name_is_an_error() {
        for name in ["Mcp_Name", "mcp.name", "MCP_Method", "mcp-protocol_version"] {
            let headers = [
                ("MCP-Protocol-Version", "2026-07-28"),
                ("Mcp-Method", "tools/call"),
                ("Mcp-Name", "a"),
                (name, "b"),
            ];
            assert!(read(&headers).is_err(), "{name}");
        }
    }

    proptest! {
        #[test]
        fn encoded_name_is_decoded(name in "\\PC{1,20}|[ -~]{1,20}|=\\?[a-z0-9?=]{0,12}|[\\x00-\\x20]{1,5}") {
            let call = McpCall { method: "tools/call", name: Some(name.as_str().into()) };
            let headers: Vec<_> = call.headers().collect();
            let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            prop_assert_eq!(read(&headers), Ok(("tools/call".to_owned(), Some(name))));
        }

        /// A name is read as it was sent, or refused.
        #[test]
        fn name_is_read_whole(name in "[ -~]{0,20}") {
            if let Ok((_, Some(read))) = call("tools/call", Some(&name))
                && !name.trim().starts_with("=?")
            {
                prop_assert_eq!(read, name.trim());
            }
        }
    }
}

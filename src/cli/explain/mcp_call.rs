//! The MCP call that `explain --mcp` simulates.

use std::str::FromStr;

use crate::{
    forwarded::McpCall,
    mcp_methods::{NAMED_METHODS, UNNAMED_METHODS, is_method, split_name},
};

/// A call of the Model Context Protocol: `METHOD` or `METHOD/NAME`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct McpCallArgument {
    method: String,
    name: Option<String>,
}

impl McpCallArgument {
    /// Returns the call.
    pub(super) fn call(&self) -> McpCall<'_> {
        McpCall { method: &self.method, name: self.name.as_deref().map(Into::into) }
    }
}

impl FromStr for McpCallArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some((method, name)) = split_name(text).filter(|(_, name)| !name.is_empty()) {
            return Ok(Self { method: method.to_owned(), name: Some(name.to_owned()) });
        }
        let method = text.trim_end_matches('/');
        if NAMED_METHODS.contains(&method) {
            return Err(format!("{method} needs a name: write {method}/NAME"));
        }
        let is_longer =
            |known: &&str| text.strip_prefix(*known).is_some_and(|end| end.starts_with('/'));
        if let Some(method) = UNNAMED_METHODS.iter().find(|known| is_longer(known)) {
            return Err(format!("{method} has no name: write {method}"));
        }
        if !is_method(text) {
            return Err("not a method of MCP: write for example tools/list, tools/call/NAME, \
                        prompts/get/NAME or resources/read/URI"
                .to_owned());
        }
        Ok(Self { method: text.to_owned(), name: None })
    }
}

#[cfg(test)]
mod tests {
    use super::McpCallArgument;

    #[test]
    fn name_is_required_where_a_method_has_one() {
        for (text, method, name) in [
            ("tools/call/send_invoice", "tools/call", Some("send_invoice")),
            ("resources/read/file:///a/b", "resources/read", Some("file:///a/b")),
            ("prompts/get/grüße 1", "prompts/get", Some("grüße 1")),
            ("tools/list", "tools/list", None),
            ("resources/templates/list", "resources/templates/list", None),
            ("tasks/get", "tasks/get", None),
        ] {
            let expected =
                McpCallArgument { method: method.to_owned(), name: name.map(str::to_owned) };
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
        for (text, words) in [
            ("tools/call", "tools/call needs a name: write tools/call/NAME"),
            ("tools/call/", "tools/call needs a name"),
            ("resources/read", "resources/read needs a name"),
            ("tools/list/all", "tools/list has no name: write tools/list"),
            ("resources/list/", "resources/list has no name"),
            ("", "not a method of MCP"),
            ("tool/send-invoice", "not a method of MCP"),
            ("tools//call", "not a method of MCP"),
        ] {
            let error = text.parse::<McpCallArgument>().expect_err(text);
            assert!(error.contains(words), "{text}: {error}");
        }
    }
}

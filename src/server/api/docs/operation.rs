//! The operations of the document, as sections of the page.

use std::fmt;

use askama::filters::HtmlSafe;
use http::StatusCode;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

use super::{
    example::{example, pretty, sample},
    json::{items, members, resolve, text},
    markdown::{Markdown, escape_html},
    schema::{Field, MAX_DEPTH, TypeDescription, fields},
};

/// A section of the page with one method of one path.
pub(super) struct OperationSection<'d> {
    pub(super) id: &'d str,
    pub(super) method: String,
    pub(super) path: PathLabel<'d>,
    pub(super) summary: &'d str,
    pub(super) description: Markdown,
    /// True if no token is needed.
    pub(super) is_public: bool,
    pub(super) parameters: Vec<Parameter<'d>>,
    pub(super) body: Option<RequestBody<'d>>,
    pub(super) responses: Vec<ResponseDoc<'d>>,
    pub(super) curl: String,
}

/// A path, with an optional line break after each slash.
pub(super) struct PathLabel<'d>(&'d str);

/// A parameter in the path, the query or a header.
pub(super) struct Parameter<'d> {
    pub(super) name: &'d str,
    /// The part of the request: `path`, `query` or `header`.
    pub(super) location: &'d str,
    pub(super) required: bool,
    pub(super) kind: TypeDescription,
    pub(super) description: Markdown,
    example: String,
}

/// The body of a request.
pub(super) struct RequestBody<'d> {
    pub(super) media_types: Vec<&'d str>,
    pub(super) fields: Vec<Field<'d>>,
    pub(super) example: String,
    value: Value,
}

/// A response.
pub(super) struct ResponseDoc<'d> {
    pub(super) status: &'d str,
    pub(super) class: &'d str,
    pub(super) reason: &'static str,
    pub(super) description: Markdown,
    pub(super) contents: Vec<Content<'d>>,
    pub(super) headers: Vec<Header<'d>>,
    pub(super) example: Option<String>,
}

/// A media type of a response.
pub(super) struct Content<'d> {
    pub(super) media_type: &'d str,
    pub(super) kind: TypeDescription,
}

/// A header of a response.
pub(super) struct Header<'d> {
    pub(super) name: &'d str,
    pub(super) description: Markdown,
}

/// Returns a section for each operation. Paths for names with folders are omitted: their operations
/// are those of the path for a name without.
pub(super) fn all(api: &Value) -> Vec<OperationSection<'_>> {
    let paths = members(&api["paths"]).filter(|(path, _)| !path.contains("folder}"));
    let operations = paths.flat_map(|(path, item)| {
        const METHODS: [&str; 6] = ["get", "put", "post", "patch", "delete", "head"];
        METHODS.iter().filter_map(move |method| Some((path, *method, item.get(*method)?)))
    });
    operations.map(|(path, method, one)| OperationSection::new(api, path, method, one)).collect()
}

impl<'d> OperationSection<'d> {
    fn new(api: &'d Value, path: &'d str, method: &str, operation: &'d Value) -> Self {
        let parameters = items(&operation["parameters"]).map(|one| Parameter::new(api, one));
        let parameters: Vec<_> = parameters.collect();
        let method = method.to_ascii_uppercase();
        let body = RequestBody::new(api, &operation["requestBody"]["content"]);
        let is_public =
            items(&operation["security"]).any(|way| way.as_object().is_some_and(Map::is_empty));
        let curl = CurlCommand {
            method: &method,
            path,
            is_public,
            parameters: &parameters,
            body: body.as_ref(),
        };
        Self {
            id: text(&operation["operationId"]),
            path: PathLabel(path),
            summary: text(&operation["summary"]),
            description: Markdown::new(text(&operation["description"])),
            is_public,
            curl: curl.to_shell(),
            responses: members(&operation["responses"])
                .map(|(status, response)| ResponseDoc::new(api, status, response))
                .collect(),
            method,
            parameters,
            body,
        }
    }
}

impl<'d> Parameter<'d> {
    fn new(api: &'d Value, parameter: &'d Value) -> Self {
        let (name, schema) = (text(&parameter["name"]), &parameter["schema"]);
        let given = parameter.get("example").cloned().or_else(|| sample(name));
        let example = match given.unwrap_or_else(|| example(api, schema, MAX_DEPTH)) {
            Value::String(text) => text,
            other => other.to_string(),
        };
        Self {
            name,
            location: text(&parameter["in"]),
            required: parameter["required"] == true,
            kind: TypeDescription::new(schema),
            description: Markdown::new(text(&parameter["description"])),
            example,
        }
    }
}

impl<'d> RequestBody<'d> {
    fn new(api: &'d Value, content: &'d Value) -> Option<Self> {
        let media_types: Vec<&str> = members(content).map(|(media_type, _)| media_type).collect();
        let schema = resolve(api, &members(content).next()?.1["schema"]);
        let value = example(api, schema, MAX_DEPTH);
        Some(Self { media_types, fields: fields(schema), example: pretty(&value), value })
    }
}

impl<'d> ResponseDoc<'d> {
    fn new(api: &'d Value, status: &'d str, response: &'d Value) -> Self {
        let code = status.parse().ok().and_then(|code| StatusCode::from_u16(code).ok());
        let contents = members(&response["content"]).map(|(media_type, content)| Content {
            media_type,
            kind: TypeDescription::new(&content["schema"]),
        });
        let json = response["content"].get("application/json").filter(|_| status.starts_with('2'));
        Self {
            status,
            class: status.get(..1).unwrap_or_default(),
            reason: code.and_then(|code| code.canonical_reason()).unwrap_or_default(),
            description: Markdown::new(text(&response["description"])),
            contents: contents.collect(),
            headers: members(&response["headers"])
                .map(|(name, header)| Header {
                    name,
                    description: Markdown::new(text(&header["description"])),
                })
                .collect(),
            example: json.map(|json| match json.get("example") {
                Some(own) => pretty(own),
                None => pretty(&example(api, &json["schema"], MAX_DEPTH)),
            }),
        }
    }
}

impl fmt::Display for PathLabel<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&escape_html(self.0).replace('/', "/<wbr>"))
    }
}

impl HtmlSafe for PathLabel<'_> {}

/// A shell command for an operation with its required parameters.
struct CurlCommand<'o, 'd> {
    method: &'o str,
    path: &'o str,
    is_public: bool,
    parameters: &'o [Parameter<'d>],
    body: Option<&'o RequestBody<'d>>,
}

impl CurlCommand<'_, '_> {
    fn to_shell(&self) -> String {
        let required = |location: &'static str| {
            self.parameters.iter().filter(move |one| one.required && one.location == location)
        };
        let mut target = self.path.to_owned();
        for parameter in required("path") {
            let name = format!("{{{}}}", parameter.name);
            target = target.replace(&name, &percent_encode(&parameter.example));
        }
        let query: Vec<_> = required("query")
            .map(|one| format!("{}={}", one.name, percent_encode(&one.example)))
            .collect();
        if !query.is_empty() {
            target.extend(["?", &query.join("&")]);
        }
        let credentials = if self.is_public { ("", "") } else { ("auth | ", " -H @-") };
        let (before, after) = credentials;
        let mut parts = vec![format!("{before}curl -sS --fail-with-body{after}")];
        if self.method != "GET" {
            parts.push(format!("-X {}", self.method));
        }
        for header in required("header") {
            parts.push(format!(
                "-H {}",
                shell_quote(&format!("{}: {}", header.name, header.example))
            ));
        }
        if let Some(body) = self.body {
            let media_type = body.media_types.first().copied().unwrap_or_default();
            parts.push(format!("-H {}", shell_quote(&format!("Content-Type: {media_type}"))));
            parts.push(format!("-d {}", shell_quote(&body.value.to_string())));
        }
        parts.push(format!("\"$API{target}\""));
        parts.join(" \\\n  ")
    }
}

fn percent_encode(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// Quotes text as a single shell word.
fn shell_quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

//! The operations of the document.

use std::fmt;

use askama::filters::HtmlSafe;
use http::StatusCode;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

use super::{
    example::{example, pretty, sample},
    items,
    markdown::{Markdown, escaped},
    members,
    schema::{DEPTH, Field, Kind, fields, resolved},
    text,
};

/// One method of one path.
pub(super) struct Operation<'d> {
    pub(super) id: &'d str,
    pub(super) method: String,
    pub(super) path: Path<'d>,
    pub(super) summary: &'d str,
    pub(super) description: Markdown,
    pub(super) is_open: bool,
    pub(super) parameters: Vec<Parameter<'d>>,
    pub(super) body: Option<RequestBody<'d>>,
    pub(super) responses: Vec<Response<'d>>,
    pub(super) curl: String,
}

/// A path, which may be wrapped after each slash.
pub(super) struct Path<'d>(&'d str);

/// A parameter in the path, the query or a header.
pub(super) struct Parameter<'d> {
    pub(super) name: &'d str,
    pub(super) place: &'d str,
    pub(super) required: bool,
    pub(super) kind: Kind,
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
pub(super) struct Response<'d> {
    pub(super) status: &'d str,
    pub(super) class: &'d str,
    pub(super) reason: &'static str,
    pub(super) description: Markdown,
    pub(super) contents: Vec<Content<'d>>,
    pub(super) headers: Vec<Header<'d>>,
    pub(super) example: Option<String>,
}

/// A form in which a response comes.
pub(super) struct Content<'d> {
    pub(super) media_type: &'d str,
    pub(super) kind: Kind,
}

/// A header of a response.
pub(super) struct Header<'d> {
    pub(super) name: &'d str,
    pub(super) description: Markdown,
}

/// All operations. The paths for names with folders have the same as that for a name without.
pub(super) fn all(api: &Value) -> Vec<Operation<'_>> {
    let paths = members(&api["paths"]).filter(|(path, _)| !path.contains("folder}"));
    let operations = paths.flat_map(|(path, item)| {
        const METHODS: [&str; 6] = ["get", "put", "post", "patch", "delete", "head"];
        METHODS.iter().filter_map(move |method| Some((path, *method, item.get(*method)?)))
    });
    operations.map(|(path, method, one)| Operation::new(api, path, method, one)).collect()
}

impl<'d> Operation<'d> {
    fn new(api: &'d Value, path: &'d str, method: &str, operation: &'d Value) -> Self {
        let parameters = items(&operation["parameters"]).map(|one| Parameter::new(api, one));
        let parameters: Vec<_> = parameters.collect();
        let method = method.to_ascii_uppercase();
        let body = RequestBody::new(api, &operation["requestBody"]["content"]);
        let is_open =
            items(&operation["security"]).any(|way| way.as_object().is_some_and(Map::is_empty));
        let curl =
            Curl { method: &method, path, is_open, parameters: &parameters, body: body.as_ref() };
        Self {
            id: text(&operation["operationId"]),
            path: Path(path),
            summary: text(&operation["summary"]),
            description: Markdown::new(text(&operation["description"])),
            is_open,
            curl: curl.command(),
            responses: members(&operation["responses"])
                .map(|(status, response)| Response::new(api, status, response))
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
        let own = parameter.get("example").cloned().or_else(|| sample(name));
        let example = match own.unwrap_or_else(|| example(api, schema, DEPTH)) {
            Value::String(text) => text,
            other => other.to_string(),
        };
        Self {
            name,
            place: text(&parameter["in"]),
            required: parameter["required"] == true,
            kind: Kind::of(schema),
            description: Markdown::new(text(&parameter["description"])),
            example,
        }
    }
}

impl<'d> RequestBody<'d> {
    fn new(api: &'d Value, content: &'d Value) -> Option<Self> {
        let media_types: Vec<&str> = members(content).map(|(media_type, _)| media_type).collect();
        let schema = resolved(api, &members(content).next()?.1["schema"]);
        let value = example(api, schema, DEPTH);
        Some(Self { media_types, fields: fields(schema), example: pretty(&value), value })
    }
}

impl<'d> Response<'d> {
    fn new(api: &'d Value, status: &'d str, response: &'d Value) -> Self {
        let code = status.parse().ok().and_then(|code| StatusCode::from_u16(code).ok());
        let contents = members(&response["content"]).map(|(media_type, content)| Content {
            media_type,
            kind: Kind::of(&content["schema"]),
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
                None => pretty(&example(api, &json["schema"], DEPTH)),
            }),
        }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&escaped(self.0).replace('/', "/<wbr>"))
    }
}

impl HtmlSafe for Path<'_> {}

/// An example for the shell, with what is required and nothing else.
struct Curl<'o, 'd> {
    method: &'o str,
    path: &'o str,
    is_open: bool,
    parameters: &'o [Parameter<'d>],
    body: Option<&'o RequestBody<'d>>,
}

impl Curl<'_, '_> {
    fn command(&self) -> String {
        let required = |place: &'static str| {
            self.parameters.iter().filter(move |one| one.required && one.place == place)
        };
        let mut address = self.path.to_owned();
        for parameter in required("path") {
            let name = format!("{{{}}}", parameter.name);
            address = address.replace(&name, &encoded(&parameter.example));
        }
        let query: Vec<_> = required("query")
            .map(|one| format!("{}={}", one.name, encoded(&one.example)))
            .collect();
        if !query.is_empty() {
            address.extend(["?", &query.join("&")]);
        }
        let credentials = if self.is_open { ("", "") } else { ("auth | ", " -H @-") };
        let (before, after) = credentials;
        let mut parts = vec![format!("{before}curl -sS --fail-with-body{after}")];
        if self.method != "GET" {
            parts.push(format!("-X {}", self.method));
        }
        for header in required("header") {
            parts.push(format!("-H {}", quoted(&format!("{}: {}", header.name, header.example))));
        }
        if let Some(body) = self.body {
            let media_type = body.media_types.first().copied().unwrap_or_default();
            parts.push(format!("-H {}", quoted(&format!("Content-Type: {media_type}"))));
            parts.push(format!("-d {}", quoted(&body.value.to_string())));
        }
        parts.push(format!("\"$API{address}\""));
        parts.join(" \\\n  ")
    }
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// The text as one word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

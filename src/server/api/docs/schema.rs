//! The schemas of the document, as sections of the page.

use std::fmt;

use askama::filters::HtmlSafe;
use serde_json::Value;

use super::{
    example::{example, pretty},
    json::{alternatives, items, members, referenced_name, text},
    markdown::{Markdown, escape_html},
};

/// The maximum depth of generated examples.
pub(super) const MAX_DEPTH: usize = 6;

/// A section of the page with a named schema.
pub(super) struct SchemaSection<'d> {
    pub(super) id: String,
    pub(super) name: &'d str,
    pub(super) description: Markdown,
    pub(super) fields: Vec<Field<'d>>,
    pub(super) example: String,
}

/// A field of an object.
pub(super) struct Field<'d> {
    pub(super) name: &'d str,
    pub(super) required: bool,
    pub(super) kind: TypeDescription,
    pub(super) description: Markdown,
}

/// The type of a value as HTML: its type, its limits, and links to the schemas that it refers to.
pub(super) struct TypeDescription(String);

/// Returns a section for each named schema.
pub(super) fn all(api: &Value) -> Vec<SchemaSection<'_>> {
    let schemas = members(&api["components"]["schemas"]);
    let sections = schemas.map(|(name, schema)| SchemaSection {
        id: format!("schema-{name}"),
        name,
        description: Markdown::new(text(&schema["description"])),
        fields: fields(schema),
        example: pretty(&example(api, schema, MAX_DEPTH)),
    });
    sections.collect()
}

/// Returns the fields of an object.
pub(super) fn fields(schema: &Value) -> Vec<Field<'_>> {
    let is_required =
        |name: &str| items(&schema["required"]).any(|required| text(required) == name);
    let sections = members(&schema["properties"]).map(|(name, field)| Field {
        name,
        required: is_required(name),
        kind: TypeDescription::new(field),
        description: Markdown::new(text(&field["description"])),
    });
    sections.collect()
}

impl TypeDescription {
    /// Describes the type of a schema.
    pub(super) fn new(schema: &Value) -> Self {
        Self(describe(schema))
    }

    /// Returns true for a string without limits.
    pub(super) fn is_plain_string(&self) -> bool {
        self.0 == "string"
    }
}

/// Describes the type of a schema as HTML.
fn describe(schema: &Value) -> String {
    if let Some(name) = referenced_name(schema) {
        let name = escape_html(name);
        return format!("<a href=\"#schema-{name}\">{name}</a>");
    }
    let kinds: Vec<String> = match &schema["type"] {
        Value::String(kind) => vec![describe_type(kind, schema)],
        Value::Array(kinds) => kinds.iter().map(|kind| describe_type(text(kind), schema)).collect(),
        _ => alternatives(schema).map(describe).collect(),
    };
    let mut html = if kinds.is_empty() { "any value".to_owned() } else { kinds.join(" or ") };
    for (key, label) in [
        ("pattern", "pattern"),
        ("minimum", "at least"),
        ("maximum", "at most"),
        ("minLength", "characters at least"),
        ("maxLength", "characters at most"),
        ("default", "default"),
        ("format", "format"),
    ] {
        let limit = match schema.get(key) {
            // The number of bits is irrelevant to clients.
            Some(Value::String(format)) if format.starts_with("int") => continue,
            Some(Value::String(limit)) => limit.clone(),
            Some(limit) => limit.to_string(),
            None => continue,
        };
        html.extend([", ", label, " <code>", &escape_html(&limit), "</code>"]);
    }
    let values: Vec<_> = items(&schema["enum"])
        .map(|value| format!("<code>{}</code>", escape_html(&value.to_string())))
        .collect();
    if values.is_empty() { html } else { format!("{html}, one of {}", values.join(", ")) }
}

fn describe_type(kind: &str, schema: &Value) -> String {
    let of = |key: &str| schema.get(key).filter(|of| of.is_object()).map(describe);
    match (kind, of("items"), of("additionalProperties")) {
        ("array", Some(items), _) => format!("array of {items}"),
        ("object", _, Some(values)) => match of("propertyNames") {
            Some(keys) => format!("object: keys {keys}; values {values}"),
            None => format!("object: values {values}"),
        },
        _ => escape_html(kind),
    }
}

impl fmt::Display for TypeDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl HtmlSafe for TypeDescription {}

//! The schemas of the document, in words.

use std::fmt;

use askama::filters::HtmlSafe;
use serde_json::Value;

use super::{
    example::{example, pretty},
    items,
    markdown::{Markdown, escaped},
    members, text,
};

/// The depth to which examples are made up.
pub(super) const DEPTH: usize = 6;

/// The prefix of every reference to a schema.
const COMPONENTS: &str = "#/components/schemas/";

/// A schema that has a name.
pub(super) struct Schema<'d> {
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
    pub(super) kind: Kind,
    pub(super) description: Markdown,
}

/// The kind of a value, in HTML: its type, its limits, and links to the schemas in it.
pub(super) struct Kind(String);

/// All schemas that have names.
pub(super) fn all(api: &Value) -> Vec<Schema<'_>> {
    let schemas = members(&api["components"]["schemas"]);
    let described = schemas.map(|(name, schema)| Schema {
        id: format!("schema-{name}"),
        name,
        description: Markdown::new(text(&schema["description"])),
        fields: fields(schema),
        example: pretty(&example(api, schema, DEPTH)),
    });
    described.collect()
}

/// The fields of an object.
pub(super) fn fields(schema: &Value) -> Vec<Field<'_>> {
    let required = |name: &str| items(&schema["required"]).any(|required| text(required) == name);
    let described = members(&schema["properties"]).map(|(name, field)| Field {
        name,
        required: required(name),
        kind: Kind::of(field),
        description: Markdown::new(text(&field["description"])),
    });
    described.collect()
}

/// The schema itself, where this is a reference to it.
pub(super) fn resolved<'d>(api: &'d Value, schema: &'d Value) -> &'d Value {
    let name = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix(COMPONENTS));
    let named = name.and_then(|name| api["components"]["schemas"].get(name));
    named.or_else(|| alternatives(schema).next()).unwrap_or(schema)
}

/// The schemas of which one holds, but for null.
fn alternatives(schema: &Value) -> impl Iterator<Item = &Value> {
    let lists = ["oneOf", "anyOf", "allOf"].into_iter().flat_map(|key| items(&schema[key]));
    lists.filter(|schema| text(&schema["type"]) != "null")
}

impl Kind {
    pub(super) fn of(schema: &Value) -> Self {
        Self(words(schema))
    }

    /// Whether it says no more than that it is a text.
    pub(super) fn is_text(&self) -> bool {
        self.0 == "string"
    }
}

/// The kind of a value in HTML.
fn words(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|name| name.strip_prefix(COMPONENTS)) {
        let name = escaped(name);
        return format!("<a href=\"#schema-{name}\">{name}</a>");
    }
    let kinds: Vec<String> = match &schema["type"] {
        Value::String(kind) => vec![kind_words(kind, schema)],
        Value::Array(kinds) => kinds.iter().map(|kind| kind_words(text(kind), schema)).collect(),
        _ => alternatives(schema).map(words).collect(),
    };
    let mut words = if kinds.is_empty() { "any value".to_owned() } else { kinds.join(" or ") };
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
            // How many bits it has is of no use to a client.
            Some(Value::String(format)) if format.starts_with("int") => continue,
            Some(Value::String(limit)) => limit.clone(),
            Some(limit) => limit.to_string(),
            None => continue,
        };
        words.extend([", ", label, " <code>", &escaped(&limit), "</code>"]);
    }
    let values: Vec<_> = items(&schema["enum"])
        .map(|value| format!("<code>{}</code>", escaped(&value.to_string())))
        .collect();
    if values.is_empty() { words } else { format!("{words}, one of {}", values.join(", ")) }
}

fn kind_words(kind: &str, schema: &Value) -> String {
    let of = |key: &str| schema.get(key).filter(|of| of.is_object()).map(words);
    match (kind, of("items"), of("additionalProperties")) {
        ("array", Some(items), _) => format!("array of {items}"),
        ("object", _, Some(values)) => match of("propertyNames") {
            Some(keys) => format!("object: keys {keys}; values {values}"),
            None => format!("object: values {values}"),
        },
        _ => escaped(kind),
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl HtmlSafe for Kind {}

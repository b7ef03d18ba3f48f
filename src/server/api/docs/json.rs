//! Access to the members of the `OpenAPI` document as JSON.

use serde_json::Value;

/// The prefix of every reference to a schema.
const SCHEMA_REFERENCE: &str = "#/components/schemas/";

/// Returns a string of the document; empty if the value is none.
pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Returns the members of an object in order; none if the value is no object.
pub(super) fn members(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flatten().map(|(key, value)| (key.as_str(), value))
}

/// Returns the items of an array; none if the value is no array.
pub(super) fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// Returns the name of the schema that this one is a reference to.
pub(super) fn referenced_name(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.strip_prefix(SCHEMA_REFERENCE)
}

/// Follows a reference to a schema, or takes the first alternative. Returns the schema itself if it
/// has neither.
pub(super) fn resolve<'d>(api: &'d Value, schema: &'d Value) -> &'d Value {
    let referenced =
        referenced_name(schema).and_then(|name| api["components"]["schemas"].get(name));
    referenced.or_else(|| alternatives(schema).next()).unwrap_or(schema)
}

/// Returns the alternatives of a schema, without null.
pub(super) fn alternatives(schema: &Value) -> impl Iterator<Item = &Value> {
    let lists = ["oneOf", "anyOf", "allOf"].into_iter().flat_map(|key| items(&schema[key]));
    lists.filter(|schema| text(&schema["type"]) != "null")
}

//! Examples for the values of the document that have none.

use serde_json::{Map, Value, json};

use super::json::{items, members, resolve, text};

/// An example as JSON for each name of a parameter or field of the API.
const SAMPLES: [(&str, &str); 24] = [
    ("tenant", r#""acme""#),
    ("name", r#""crm""#),
    ("version", "1"),
    ("key_version", "1"),
    ("created_at", r#""2026-01-31T12:00:00Z""#),
    ("deleted_at", r#""2026-02-01T12:00:00Z""#),
    ("expires_at", r#""2026-01-31T13:00:00Z""#),
    ("expires", r#""2026-01-31T13:00:00Z""#),
    ("state", r#""live""#),
    ("after", r#""chatwoot""#),
    ("limit", "100"),
    ("field", r#""DATABASE_URL""#),
    ("format", r#""env""#),
    ("dialect", r#""compose""#),
    ("subject", r#""entity:acme""#),
    ("entity_id", r#""4dcd9ef8-7ab6-2a45-1fc2-2c1f90b6ee05""#),
    ("policies", r#"["default","tenant"]"#),
    ("token_type", r#""service""#),
    ("type", r#""urn:vault-auth-validator:body_too_large""#),
    ("title", r#""The body is too large""#),
    ("status", "413"),
    ("code", r#""body_too_large""#),
    ("detail", r#""the maximum size of a body is 1 MiB""#),
    ("request_id", r#""7f3d8a52c0e94b1d""#),
];

/// Returns the example for this name.
pub(super) fn sample(name: &str) -> Option<Value> {
    let (_, json) = SAMPLES.iter().find(|(known, _)| *known == name)?;
    serde_json::from_str(json).ok()
}

/// Returns an example of a schema: the document's own, or a generated one. `depth` limits the
/// nesting of recursive schemas.
pub(super) fn example(api: &Value, schema: &Value, depth: usize) -> Value {
    let schema = resolve(api, schema);
    if let Some(own) = schema.get("example").or_else(|| items(&schema["examples"]).next()) {
        return own.clone();
    }
    if depth == 0 {
        return Value::Null;
    }
    match type_name(schema) {
        "object" => object_example(api, schema, depth),
        "array" => json!([example(api, &schema["items"], depth - 1)]),
        "integer" | "number" => schema.get("minimum").cloned().unwrap_or(json!(1)),
        "boolean" => json!(true),
        "string" => items(&schema["enum"]).next().cloned().unwrap_or(json!("text")),
        _ => json!({}),
    }
}

fn object_example(api: &Value, schema: &Value, depth: usize) -> Value {
    let mut object = Map::new();
    for (name, field) in members(&schema["properties"]) {
        let value = match field.get("example") {
            Some(own) => own.clone(),
            None => sample(name).unwrap_or_else(|| example(api, field, depth - 1)),
        };
        object.insert(name.to_owned(), value);
    }
    if let Some(values) = schema.get("additionalProperties").filter(|values| values.is_object()) {
        object.insert("DATABASE_URL".to_owned(), json!("postgres://crm@db/crm"));
        if items(&values["type"]).any(|kind| text(kind) == "null") {
            object.insert("OLD_KEY".to_owned(), Value::Null);
        } else {
            object.insert("SMTP_HOST".to_owned(), json!("smtp.example.com"));
        }
    }
    Value::Object(object)
}

/// Returns the type of a schema, ignoring null.
fn type_name(schema: &Value) -> &str {
    match &schema["type"] {
        Value::Array(kinds) => {
            kinds.iter().map(text).find(|kind| *kind != "null").unwrap_or_default()
        }
        kind => text(kind),
    }
}

/// Formats JSON with indentation.
pub(super) fn pretty(value: &Value) -> String {
    format!("{value:#}")
}

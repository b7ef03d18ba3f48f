use serde_json::{Value, json};

use crate::tenants::Key;

/// Returns a short description of a key. An unsafe setting is in capitals.
pub(super) fn key_text(key: Option<&Key>) -> String {
    match key {
        None => "no key".to_owned(),
        Some(Key { derived: false, kind, .. }) => format!("{kind}, NOT DERIVED"),
        Some(Key { convergent: true, kind, .. }) => format!("{kind}, CONVERGENT"),
        Some(Key { kind, .. }) => kind.clone(),
    }
}

/// Returns a key as JSON.
pub(super) fn key_json(key: Option<&Key>) -> Value {
    key.map_or(Value::Null, |key| {
        json!({
            "type": key.kind,
            "derived": key.derived,
            "convergent": key.convergent,
            "latest_version": key.latest,
            "min_decryption_version": key.oldest,
            "latest_version_created_at": key.rotation.created_at.to_string(),
        })
    })
}

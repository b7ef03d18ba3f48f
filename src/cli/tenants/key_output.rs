use serde_json::{Value, json};

use crate::tenants::TenantKey;

/// Returns a short description of a key. An unsafe setting is in capitals.
pub(super) fn key_text(key: Option<&TenantKey>) -> String {
    match key {
        None => "no key".to_owned(),
        Some(TenantKey { derived: false, kind, .. }) => format!("{kind}, NOT DERIVED"),
        Some(TenantKey { convergent: true, kind, .. }) => format!("{kind}, CONVERGENT"),
        Some(TenantKey { kind, .. }) => kind.clone(),
    }
}

/// Returns a key as JSON.
pub(super) fn key_json(key: Option<&TenantKey>) -> Value {
    key.map_or(Value::Null, |key| {
        json!({
            "type": key.kind,
            "derived": key.derived,
            "convergent": key.convergent,
            "latest_version": key.latest,
            "min_decryption_version": key.min_decryption,
            "latest_version_created_at": key.rotation.created_at.to_string(),
        })
    })
}

use serde::Deserialize;
use serde_json::json;

use super::Things;
use crate::provision::{State, Trouble};

/// What a tenant's key is.
const KEY_TYPE: &str = "aes256-gcm96";

#[derive(Deserialize)]
struct KeyData {
    #[serde(rename = "type")]
    kind: String,
    derived: bool,
    /// Of derived keys alone.
    #[serde(default)]
    convergent_encryption: bool,
}

#[derive(Deserialize)]
struct KeysConfig {
    disable_upsert: bool,
}

impl Things<'_> {
    pub(super) async fn look_for_no_upsert(&self, transit: &str) -> Result<State, Trouble> {
        let config: Option<KeysConfig> = self.get(&format!("{transit}/config/keys")).await?;
        let off = config.is_some_and(|config| config.disable_upsert);
        Ok(if off { State::There } else { State::Missing })
    }

    pub(super) async fn make_no_upsert(&self, transit: &str) -> Result<(), Trouble> {
        self.post(&format!("{transit}/config/keys"), json!({"disable_upsert": true})).await
    }

    pub(super) async fn look_for_key(&self, transit: &str, name: &str) -> Result<State, Trouble> {
        let key: Option<KeyData> = self.get(&format!("{transit}/keys/{name}")).await?;
        let Some(key) = key else { return Ok(State::Missing) };
        let fault = match key {
            KeyData { derived: false, .. } => {
                "it is not derived, so nothing would bind a secret to its place"
            }
            KeyData { convergent_encryption: true, .. } => {
                "it is convergent, so equal secrets would have equal ciphertexts"
            }
            KeyData { kind, .. } if kind != KEY_TYPE => "it is of another type than aes256-gcm96",
            _ => return Ok(State::There),
        };
        Ok(State::InTheWay(format!(
            "{fault}, and a key cannot be changed: if nothing is encrypted with it, delete it \
             ({transit}/keys/{name})"
        )))
    }

    pub(super) async fn make_key(&self, transit: &str, name: &str) -> Result<(), Trouble> {
        let body = json!({"type": KEY_TYPE, "derived": true});
        self.post(&format!("{transit}/keys/{name}"), body).await
    }
}

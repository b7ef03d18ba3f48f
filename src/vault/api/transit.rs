//! The transit secrets engine.
//!
//! <https://developer.hashicorp.com/vault/api-docs/secret/transit>

use std::{collections::HashMap, time::Duration};

use jiff::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::request::{list, read, write};
use crate::{
    tenants::KeyRotation,
    vault::{
        Client,
        client::{ApiRequest, Operation, VaultError},
    },
};

/// A transit key (`MOUNT/keys/NAME`).
#[expect(clippy::struct_excessive_bools, reason = "these are Vault's fields")]
#[derive(Clone, Debug, Deserialize)]
pub struct TransitKey {
    /// Its type, such as `aes256-gcm96`.
    #[serde(rename = "type")]
    pub kind: String,
    /// True if a key of its own is derived for each context.
    pub derived: bool,
    /// True if equal plaintexts have equal ciphertexts. Vault tells of derived keys only.
    pub(in crate::vault) convergent_encryption: Option<bool>,
    /// True if the key can be exported.
    #[serde(default)]
    pub exportable: bool,
    /// True if the key can be read in a backup.
    #[serde(default)]
    pub allow_plaintext_backup: bool,
    /// True if the key can be deleted without a change of its settings.
    #[serde(default)]
    pub deletion_allowed: bool,
    pub(in crate::vault) latest_version: u64,
    pub(in crate::vault) min_decryption_version: u64,
    /// 0 if every version may encrypt.
    pub(in crate::vault) min_encryption_version: u64,
    /// By number.
    keys: HashMap<String, KeyVersion>,
    /// In seconds; 0 is none. Servers before Vault 1.10 do not have it.
    auto_rotate_period: Option<u64>,
}

/// A version of a key. For a symmetric key Vault returns only the time of creation, in seconds since
/// 1970.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum KeyVersion {
    Symmetric(i64),
    Asymmetric { creation_time: String },
}

impl TransitKey {
    /// Returns true if equal plaintexts have equal ciphertexts.
    #[must_use]
    pub fn is_convergent(&self) -> bool {
        self.convergent_encryption.unwrap_or_default()
    }

    /// Returns the time at which the latest version of a symmetric key was created, in seconds since
    /// 1970.
    pub(in crate::vault) fn latest_created(&self) -> Option<i64> {
        match self.keys.get(&self.latest_version.to_string()) {
            Some(KeyVersion::Symmetric(seconds)) => Some(*seconds),
            _ => None,
        }
    }

    /// Returns the age of the latest version, and the interval of Vault's own rotations.
    ///
    /// # Errors
    /// A malformed answer: the latest version has no date after 1970.
    pub(crate) fn rotation(&self) -> Result<KeyRotation, VaultError> {
        let created_at = match self.keys.get(&self.latest_version.to_string()) {
            Some(KeyVersion::Symmetric(seconds)) => Timestamp::from_second(*seconds).ok(),
            Some(KeyVersion::Asymmetric { creation_time }) => creation_time.parse().ok(),
            None => None,
        };
        let created_at = created_at
            .filter(|created_at| created_at.as_second() > 0)
            .ok_or_else(|| VaultError::malformed("the latest version of the key has no date"))?;
        let auto_rotate = self.auto_rotate_period.filter(|seconds| *seconds > 0);
        Ok(KeyRotation { created_at, auto_rotate: auto_rotate.map(Duration::from_secs) })
    }
}

/// A change of one of a key's settings.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::vault) enum KeyConfig {
    MinDecryptionVersion(u64),
    DeletionAllowed(bool),
}

/// The inputs of an encryption, both in base64.
#[derive(Serialize)]
pub(in crate::vault) struct EncryptRequest<'p> {
    pub(in crate::vault) plaintext: &'p str,
    pub(in crate::vault) context: &'p str,
}

/// The inputs of a decryption, or of a rewrap to `key_version`.
#[derive(Serialize)]
pub(in crate::vault) struct CiphertextRequest<'c> {
    pub(in crate::vault) ciphertext: &'c str,
    /// In base64.
    pub(in crate::vault) context: &'c str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::vault) key_version: Option<u64>,
}

#[derive(Deserialize)]
struct CiphertextResponse {
    ciphertext: String,
}

#[derive(Deserialize)]
struct DecryptResponse {
    plaintext: SecretString,
}

/// Returns the path of a key.
pub(in crate::vault) fn key_path(mount: &str, name: &str) -> String {
    format!("{mount}/keys/{name}")
}

/// Returns the path of the settings of all keys of an engine.
pub(in crate::vault) fn keys_config_path(mount: &str) -> String {
    format!("{mount}/config/keys")
}

/// Lists the names of all keys.
pub(in crate::vault) async fn list_keys(
    client: &Client,
    token: &SecretString,
    mount: &str,
) -> Result<Vec<String>, VaultError> {
    list(client, token, Operation::Admin, &format!("{mount}/keys")).await
}

/// Reads a key; `None` if there is none of this name.
pub(in crate::vault) async fn read_key(
    client: &Client,
    token: &SecretString,
    mount: &str,
    name: &str,
) -> Result<Option<TransitKey>, VaultError> {
    read(client, token, Operation::TransitKey, &key_path(mount, name)).await
}

/// Creates a derived key of this type.
pub(in crate::vault) async fn create_derived_key(
    client: &Client,
    token: &SecretString,
    mount: &str,
    name: &str,
    kind: &str,
) -> Result<(), VaultError> {
    let body = json!({"type": kind, "derived": true});
    write(client, token, Operation::Admin, &key_path(mount, name), &body).await
}

/// Reads the setting that no key is created by encrypting with a name that does not exist.
pub(in crate::vault) async fn read_disable_upsert(
    client: &Client,
    token: &SecretString,
    mount: &str,
) -> Result<Option<bool>, VaultError> {
    #[derive(Deserialize)]
    struct KeysConfig {
        disable_upsert: bool,
    }
    let answer = read(client, token, Operation::Admin, &keys_config_path(mount)).await?;
    Ok(answer.map(|KeysConfig { disable_upsert }| disable_upsert))
}

/// Makes the engine reject encryption with a key that does not exist, rather than create the key.
pub(in crate::vault) async fn write_disable_upsert(
    client: &Client,
    token: &SecretString,
    mount: &str,
) -> Result<(), VaultError> {
    let body = json!({"disable_upsert": true});
    write(client, token, Operation::Admin, &keys_config_path(mount), &body).await
}

/// `POST keys/NAME/rotate`: adds a version to a key, and returns the key. Returns `None` for an
/// empty response, which HashiCorp Vault up to 1.12 gives.
pub(in crate::vault) async fn rotate_key(
    client: &Client,
    token: &SecretString,
    mount: &str,
    name: &str,
) -> Result<Option<TransitKey>, VaultError> {
    let call = ApiRequest::post(format!("{mount}/keys/{name}/rotate"), &json!({}));
    client.optional_data(Operation::TransitKey, token, &call).await
}

/// `POST keys/NAME/config`: changes a key's settings.
pub(in crate::vault) async fn configure_key(
    client: &Client,
    token: &SecretString,
    mount: &str,
    name: &str,
    config: &KeyConfig,
) -> Result<(), VaultError> {
    let call = ApiRequest::post(format!("{mount}/keys/{name}/config"), config);
    client.execute(Operation::TransitKey, token, &call).await
}

/// `DELETE keys/NAME`: deletes a key irreversibly, if `deletion_allowed` is set.
pub(in crate::vault) async fn delete_key(
    client: &Client,
    token: &SecretString,
    mount: &str,
    name: &str,
) -> Result<(), VaultError> {
    let call = ApiRequest::delete(format!("{mount}/keys/{name}"));
    client.execute(Operation::TransitKey, token, &call).await
}

/// `POST encrypt/NAME`: returns the ciphertext.
pub(in crate::vault) async fn encrypt(
    client: &Client,
    token: &SecretString,
    mount: &str,
    name: &str,
    request: &EncryptRequest<'_>,
) -> Result<String, VaultError> {
    let call = ApiRequest::post(format!("{mount}/encrypt/{name}"), request);
    let response: CiphertextResponse = client.data(Operation::Encrypt, token, &call).await?;
    Ok(response.ciphertext)
}

/// `POST decrypt/NAME`: returns the plaintext in base64.
pub(in crate::vault) async fn decrypt(
    client: &Client,
    token: &SecretString,
    mount: &str,
    name: &str,
    request: &CiphertextRequest<'_>,
) -> Result<SecretString, VaultError> {
    let call = ApiRequest::post(format!("{mount}/decrypt/{name}"), request);
    let response: DecryptResponse = client.data(Operation::Decrypt, token, &call).await?;
    Ok(response.plaintext)
}

/// `POST rewrap/NAME`: returns the ciphertext of the same plaintext by another version of the key.
/// The plaintext does not leave Vault.
pub(in crate::vault) async fn rewrap(
    client: &Client,
    token: &SecretString,
    mount: &str,
    name: &str,
    request: &CiphertextRequest<'_>,
) -> Result<String, VaultError> {
    let call = ApiRequest::post(format!("{mount}/rewrap/{name}"), request);
    let response: CiphertextResponse = client.data(Operation::Rewrap, token, &call).await?;
    Ok(response.ciphertext)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::TransitKey;

    fn rotation(mut fields: Value) -> Option<(String, Option<Duration>)> {
        let others = json!({"type": "aes256-gcm96", "derived": true, "min_decryption_version": 1,
            "min_encryption_version": 0});
        let others = others.as_object()?.clone();
        fields.as_object_mut()?.extend(others);
        let key: TransitKey = serde_json::from_value(fields).ok()?;
        let rotation = key.rotation().ok()?;
        Some((rotation.created_at.to_string(), rotation.auto_rotate))
    }

    #[test]
    fn date_of_latest_version_is_read_in_both_forms() {
        let created = "2026-11-27T21:54:39Z".to_owned();
        let keys = json!({"9": 1, "10": 1_795_816_479, "2": 5});
        let key = json!({"latest_version": 10, "keys": keys, "auto_rotate_period": 7200});
        let period = Some(Duration::from_hours(2));
        assert_eq!(rotation(key), Some((created.clone(), period)));
        let keys = json!({"1": {"creation_time": created, "name": "rsa-2048", "public_key": "…"}});
        let key = json!({"latest_version": 1, "keys": keys, "auto_rotate_period": 0});
        assert_eq!(rotation(key), Some((created.clone(), None)));
        let key = json!({"latest_version": 1, "keys": {"1": 1_795_816_479}, "other": "any"});
        assert_eq!(rotation(key), Some((created, None)));
    }

    #[test]
    fn invalid_date_is_rejected() {
        for (latest, keys) in [
            (json!(2), json!({"1": 1_795_816_479})),
            (json!(1), json!({})),
            (json!(1), json!(null)),
            (json!(1), json!({"1": 0})),
            (json!(1), json!({"1": -5})),
            (json!(1), json!({"1": "1795816479"})),
            (json!(1), json!({"1": {"creation_time": ""}})),
            (json!(1), json!({"1": i64::MAX})),
            (json!(0), json!({"1": 1_795_816_479})),
        ] {
            assert_eq!(rotation(json!({"latest_version": latest, "keys": keys})), None, "{keys}");
        }
        let key =
            |period| json!({"latest_version": 1, "keys": {"1": 1}, "auto_rotate_period": period});
        assert!(rotation(key(json!(0))).is_some());
        for period in [json!(-1), json!("2h"), json!(1.5)] {
            assert_eq!(rotation(key(period.clone())), None, "{period}");
        }
    }
}

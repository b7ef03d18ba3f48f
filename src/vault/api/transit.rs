//! The endpoints of the transit engine.
//!
//! <https://developer.hashicorp.com/vault/api-docs/secret/transit>

use std::collections::HashMap;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::vault::{
    Client,
    call::Call,
    client::Operation,
    error::{Failure, VaultError},
};

/// A key's settings and versions.
#[derive(Clone, Debug, Deserialize)]
pub(in crate::vault) struct TransitKey {
    pub(in crate::vault) derived: bool,
    /// Present for derived keys only.
    pub(in crate::vault) convergent_encryption: Option<bool>,
    pub(in crate::vault) latest_version: u64,
    pub(in crate::vault) min_decryption_version: u64,
    /// 0 if every version may encrypt.
    pub(in crate::vault) min_encryption_version: u64,
    /// The versions: the time of creation of a symmetric one, an object for an asymmetric one.
    keys: HashMap<u64, Value>,
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

/// `GET keys/NAME`: returns a key; `None` if it does not exist.
pub(in crate::vault) async fn read_key(
    client: &Client,
    token: &SecretString,
    mount: &str,
    name: &str,
) -> Result<Option<TransitKey>, VaultError> {
    let call = Call::get(format!("{mount}/keys/{name}"));
    match client.data(Operation::TransitKey, token, &call).await {
        Ok(key) => Ok(Some(key)),
        Err(error) if error.failure == Failure::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// `POST keys/NAME/rotate`: adds a version to a key, and returns the key. Returns `None` for an
/// empty response, which HashiCorp Vault up to 1.12 gives.
pub(in crate::vault) async fn rotate_key(
    client: &Client,
    token: &SecretString,
    mount: &str,
    name: &str,
) -> Result<Option<TransitKey>, VaultError> {
    let call = Call::post(format!("{mount}/keys/{name}/rotate"), &json!({}));
    client.data_if_any(Operation::TransitKey, token, &call).await
}

/// `POST keys/NAME/config`: changes a key's settings.
pub(in crate::vault) async fn configure_key(
    client: &Client,
    token: &SecretString,
    mount: &str,
    name: &str,
    config: &KeyConfig,
) -> Result<(), VaultError> {
    let call = Call::post(format!("{mount}/keys/{name}/config"), config);
    client.done(Operation::TransitKey, token, &call).await
}

/// `DELETE keys/NAME`: deletes a key irreversibly, if `deletion_allowed` is set.
pub(in crate::vault) async fn delete_key(
    client: &Client,
    token: &SecretString,
    mount: &str,
    name: &str,
) -> Result<(), VaultError> {
    let call = Call::delete(format!("{mount}/keys/{name}"));
    client.done(Operation::TransitKey, token, &call).await
}

/// `POST encrypt/NAME`: returns the ciphertext.
pub(in crate::vault) async fn encrypt(
    client: &Client,
    token: &SecretString,
    mount: &str,
    name: &str,
    request: &EncryptRequest<'_>,
) -> Result<String, VaultError> {
    let call = Call::post(format!("{mount}/encrypt/{name}"), request);
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
    let call = Call::post(format!("{mount}/decrypt/{name}"), request);
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
    let call = Call::post(format!("{mount}/rewrap/{name}"), request);
    let response: CiphertextResponse = client.data(Operation::Rewrap, token, &call).await?;
    Ok(response.ciphertext)
}

impl TransitKey {
    /// Returns the time at which the latest version of a symmetric key was created, in seconds
    /// since 1970.
    pub(in crate::vault) fn latest_created(&self) -> Option<i64> {
        self.keys.get(&self.latest_version).and_then(Value::as_i64)
    }
}

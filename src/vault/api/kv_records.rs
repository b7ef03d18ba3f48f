//! JSON records in a KV secrets engine, version 2, such as the settings of tenants.

use secrecy::SecretString;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::request::{checked, delete, list, none_if_not_found};
use crate::vault::{Client, client::ApiRequest, client::Operation, client::VaultError};

/// A version of a secret.
#[derive(Deserialize)]
pub(in crate::vault) struct RecordVersion<T> {
    /// `None` if the version is deleted.
    pub(in crate::vault) data: Option<T>,
    pub(in crate::vault) metadata: RecordMetadata,
}

/// The metadata of a version.
#[derive(Deserialize)]
pub(in crate::vault) struct RecordMetadata {
    pub(in crate::vault) version: u64,
    /// In RFC 3339.
    pub(in crate::vault) created_time: String,
}

/// The parameters of a write.
#[derive(Clone, Copy, Serialize)]
pub(in crate::vault) struct RecordWriteOptions {
    /// The version that is replaced, 0 for none. Vault rejects the write at any other.
    pub(in crate::vault) cas: u64,
}

/// Returns the path of the versions of a secret.
pub(in crate::vault) fn data_path(mount: &str, name: &str) -> String {
    format!("{mount}/data/{name}")
}

/// Returns the path of the metadata of a secret or a folder.
pub(in crate::vault) fn metadata_path(mount: &str, name: &str) -> String {
    format!("{mount}/metadata/{name}")
}

/// Reads the latest version of a secret, a deleted one too.
pub(in crate::vault) async fn read_latest<T: DeserializeOwned>(
    client: &Client,
    token: &SecretString,
    mount: &str,
    name: &str,
) -> Result<Option<RecordVersion<T>>, VaultError> {
    let path = data_path(mount, name);
    let call = ApiRequest::get(checked(&path)?);
    none_if_not_found(client.data_or_deleted(Operation::SecretRead, token, &call).await)
}

/// Writes a version of a secret.
pub(in crate::vault) async fn write_data(
    client: &Client,
    token: &SecretString,
    (mount, name): (&str, &str),
    data: &impl Serialize,
    options: Option<RecordWriteOptions>,
) -> Result<(), VaultError> {
    #[derive(Serialize)]
    struct Body<'a, T> {
        data: &'a T,
        #[serde(skip_serializing_if = "Option::is_none")]
        options: Option<RecordWriteOptions>,
    }
    let path = data_path(mount, name);
    let call = ApiRequest::post(checked(&path)?, &Body { data, options });
    let written = client.data(Operation::SecretWrite, token, &call).await;
    written.map(|RecordMetadata { .. }| ())
}

/// Lists the names in a folder; those of folders end in a slash.
pub(in crate::vault) async fn list_folder(
    client: &Client,
    token: &SecretString,
    mount: &str,
    folder: &str,
) -> Result<Vec<String>, VaultError> {
    list(client, token, Operation::SecretList, &metadata_path(mount, folder)).await
}

/// Deletes a secret with all its versions.
pub(in crate::vault) async fn delete_metadata(
    client: &Client,
    token: &SecretString,
    mount: &str,
    name: &str,
) -> Result<(), VaultError> {
    delete(client, token, Operation::SecretDelete, &metadata_path(mount, name)).await
}

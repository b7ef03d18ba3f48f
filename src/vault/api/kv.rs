//! The endpoints of the KV engine, version 2.
//!
//! Paths are relative to the mount: `tenants/acme/crm`.
//! <https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2>

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::request::{checked, list, none_if_not_found};
use crate::{
    secrets::SecretVersion,
    vault::{
        Client, client::ApiRequest, client::Operation, client::VaultError, clock::DeletionTime,
    },
};

/// The response to a read of a version.
#[derive(Deserialize)]
pub(in crate::vault) struct VersionResponse<D = Value> {
    /// The stored object; `None` if the version was deleted or destroyed.
    pub(in crate::vault) data: Option<D>,
    pub(in crate::vault) metadata: VersionMetadata,
}

/// The metadata of one version.
#[derive(Deserialize)]
pub(in crate::vault) struct VersionMetadata {
    /// The number of the version. Absent from [`SecretMetadata`], which has the numbers as keys.
    #[serde(default)]
    version: u64,
    pub(in crate::vault) created_time: String,
    /// The time of its deletion, past or to come.
    #[serde(default)]
    pub(in crate::vault) deletion_time: DeletionTime,
    #[serde(default)]
    pub(in crate::vault) destroyed: bool,
    /// The secret's custom metadata. Absent from [`SecretMetadata`].
    pub(in crate::vault) custom_metadata: Option<BTreeMap<String, String>>,
}

/// The metadata of a secret: its versions in ascending order. The last is the latest.
#[derive(Deserialize)]
#[serde(try_from = "MetadataResponse")]
pub(in crate::vault) struct SecretMetadata {
    pub(in crate::vault) versions: Vec<(SecretVersion, VersionMetadata)>,
}

#[derive(Deserialize)]
struct MetadataResponse {
    current_version: u64,
    versions: BTreeMap<u64, VersionMetadata>,
}

/// A page of the keys in a folder.
#[derive(Deserialize)]
pub(in crate::vault) struct KeyList {
    /// The keys in byte order. The key of a folder ends in `/`.
    pub(in crate::vault) keys: Vec<String>,
    /// The metadata of secrets by key. Present in the list of `detailed-metadata` only.
    #[serde(default)]
    pub(in crate::vault) key_info: HashMap<String, KeyInfo>,
}

/// The `key_info` of a key: the metadata of a secret; `None` for a folder.
#[derive(Deserialize)]
#[serde(try_from = "KeyInfoResponse")]
pub(in crate::vault) struct KeyInfo(pub(in crate::vault) Option<SecretMetadata>);

#[derive(Deserialize)]
struct KeyInfoResponse {
    current_version: Option<u64>,
    versions: Option<BTreeMap<u64, VersionMetadata>>,
}

/// The page of a folder's keys for a list request. Vault's KV engine ignores both fields if it has
/// no pagination.
#[derive(Clone, Copy)]
pub(in crate::vault) struct Page<'p> {
    /// The maximum number of keys.
    pub(in crate::vault) limit: usize,
    /// The key after which the page starts; `None` for the first page.
    pub(in crate::vault) after: Option<&'p str>,
}

/// The settings of a secret that `POST metadata/PATH` changes.
#[derive(Serialize)]
pub(in crate::vault) struct MetadataSettings<'m> {
    pub(in crate::vault) max_versions: u64,
    /// A duration in Go's notation: `30s`.
    pub(in crate::vault) delete_version_after: String,
    /// Replaces the custom metadata; `None` leaves it unchanged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::vault) custom_metadata: Option<&'m BTreeMap<&'static str, String>>,
}

#[derive(Serialize)]
struct VersionWriteRequest<'d, D> {
    options: WriteOptions,
    data: &'d D,
}

#[derive(Serialize)]
struct WriteOptions {
    #[serde(skip_serializing_if = "Option::is_none")]
    cas: Option<u64>,
}

/// Returns the path of the versions of a secret.
pub(in crate::vault) fn data_path(mount: &str, path: &str) -> String {
    format!("{mount}/data/{path}")
}

/// Returns the path of the metadata of a secret or a folder.
pub(in crate::vault) fn metadata_path(mount: &str, path: &str) -> String {
    format!("{mount}/metadata/{path}")
}

/// `GET data/PATH`: returns a version, the latest if `version` is `None`. Returns `None` if the
/// secret or the version does not exist.
pub(in crate::vault) async fn read_version<D: DeserializeOwned>(
    client: &Client,
    token: &SecretString,
    mount: &str,
    path: &str,
    version: Option<SecretVersion>,
) -> Result<Option<VersionResponse<D>>, VaultError> {
    let mut call = ApiRequest::get(checked(&data_path(mount, path))?);
    if let Some(version) = version {
        call = call.with_query(&[("version", &version.to_string())]);
    }
    none_if_not_found(client.data_or_deleted(Operation::SecretRead, token, &call).await)
}

/// `POST data/PATH`: writes a version by compare-and-set: `cas` is the number of the latest
/// version, 0 if the secret does not exist. With `None` the version is written whatever the latest
/// one is, unless the mount or the secret requires compare-and-set.
pub(in crate::vault) async fn write_version(
    client: &Client,
    token: &SecretString,
    mount: &str,
    path: &str,
    data: &impl Serialize,
    cas: Option<u64>,
) -> Result<VersionMetadata, VaultError> {
    let body = VersionWriteRequest { options: WriteOptions { cas }, data };
    let call = ApiRequest::post(checked(&data_path(mount, path))?, &body);
    client.data(Operation::SecretWrite, token, &call).await
}

/// `POST delete/PATH`: deletes versions; `undelete` restores them.
pub(in crate::vault) async fn delete_versions(
    client: &Client,
    token: &SecretString,
    mount: &str,
    path: &str,
    versions: &[u64],
) -> Result<(), VaultError> {
    post_versions(client, token, &format!("{mount}/delete/{path}"), versions).await
}

/// `POST undelete/PATH`: restores deleted versions. Vault returns success whether or not there was
/// something to restore.
pub(in crate::vault) async fn undelete_versions(
    client: &Client,
    token: &SecretString,
    mount: &str,
    path: &str,
    versions: &[u64],
) -> Result<(), VaultError> {
    post_versions(client, token, &format!("{mount}/undelete/{path}"), versions).await
}

/// `POST destroy/PATH`: destroys versions irreversibly.
pub(in crate::vault) async fn destroy_versions(
    client: &Client,
    token: &SecretString,
    mount: &str,
    path: &str,
    versions: &[u64],
) -> Result<(), VaultError> {
    post_versions(client, token, &format!("{mount}/destroy/{path}"), versions).await
}

async fn post_versions(
    client: &Client,
    token: &SecretString,
    path: &str,
    versions: &[u64],
) -> Result<(), VaultError> {
    let call = ApiRequest::post(checked(path)?, &json!({ "versions": versions }));
    client.execute(Operation::SecretDelete, token, &call).await
}

/// `GET metadata/PATH`: returns a secret's metadata; `None` if the secret does not exist.
pub(in crate::vault) async fn read_metadata(
    client: &Client,
    token: &SecretString,
    mount: &str,
    path: &str,
) -> Result<Option<SecretMetadata>, VaultError> {
    let call = ApiRequest::get(checked(&metadata_path(mount, path))?);
    none_if_not_found(client.data(Operation::SecretMetadata, token, &call).await)
}

/// `POST metadata/PATH`: changes a secret's settings.
pub(in crate::vault) async fn write_metadata(
    client: &Client,
    token: &SecretString,
    mount: &str,
    path: &str,
    settings: &MetadataSettings<'_>,
) -> Result<(), VaultError> {
    let call = ApiRequest::post(checked(&metadata_path(mount, path))?, settings);
    client.execute(Operation::SecretMetadata, token, &call).await
}

/// `DELETE metadata/PATH`: deletes a secret with all its versions irreversibly.
pub(in crate::vault) async fn delete_metadata(
    client: &Client,
    token: &SecretString,
    mount: &str,
    path: &str,
) -> Result<(), VaultError> {
    let call = ApiRequest::delete(checked(&metadata_path(mount, path))?);
    client.execute(Operation::SecretDelete, token, &call).await
}

/// `LIST metadata/FOLDER`: lists all keys in a folder; none if there is no such folder.
pub(in crate::vault) async fn list_folder(
    client: &Client,
    token: &SecretString,
    mount: &str,
    folder: &str,
) -> Result<Vec<String>, VaultError> {
    list(client, token, Operation::SecretList, &metadata_path(mount, folder)).await
}

/// `GET metadata/FOLDER?list=true`: lists a page of the keys in a folder.
pub(in crate::vault) async fn list_metadata(
    client: &Client,
    token: &SecretString,
    mount: &str,
    folder: &str,
    page: Page<'_>,
) -> Result<KeyList, VaultError> {
    let call = page.request(&metadata_path(mount, folder))?;
    client.data(Operation::SecretList, token, &call).await
}

/// `GET detailed-metadata/FOLDER?list=true`: lists the keys in a folder with the metadata of the
/// secrets. OpenBao has this endpoint, HashiCorp Vault does not.
/// <https://openbao.org/api-docs/secret/kv/kv-v2/#list-secrets-with-metadata>
pub(in crate::vault) async fn list_detailed_metadata(
    client: &Client,
    token: &SecretString,
    mount: &str,
    folder: &str,
    page: Page<'_>,
) -> Result<KeyList, VaultError> {
    let call = page.request(&format!("{mount}/detailed-metadata/{folder}"))?;
    client.data(Operation::DetailedMetadata, token, &call).await
}

impl Page<'_> {
    fn request(self, path: &str) -> Result<ApiRequest, VaultError> {
        let limit = self.limit.to_string();
        let mut query = vec![("list", "true"), ("limit", limit.as_str())];
        query.extend(self.after.map(|key| ("after", key)));
        Ok(ApiRequest::get(checked(path)?).with_query(&query))
    }
}

impl VersionMetadata {
    /// Returns the number of the version; an error if it is missing.
    pub(in crate::vault) fn version(&self) -> Result<SecretVersion, VaultError> {
        SecretVersion::new(self.version).ok_or_else(|| VaultError::malformed("version 0 or none"))
    }

    /// Returns the time of the write, by Vault's clock.
    pub(in crate::vault) fn created_at(&self) -> Result<Timestamp, VaultError> {
        self.created_time
            .parse()
            .map_err(|_| VaultError::malformed("created_time is not a timestamp"))
    }

    /// Returns true if the version is neither deleted nor scheduled for deletion.
    pub(in crate::vault) fn never_expires(&self) -> bool {
        self.deletion_time == DeletionTime::default()
    }
}

impl TryFrom<MetadataResponse> for SecretMetadata {
    type Error = &'static str;

    /// Fails unless the latest version is among the versions: Vault removes only the oldest.
    fn try_from(response: MetadataResponse) -> Result<Self, &'static str> {
        let latest = response.versions.last_key_value().map_or(0, |(number, _)| *number);
        if latest != response.current_version {
            return Err("current_version is not the latest of the versions");
        }
        let numbered = |(number, metadata)| Some((SecretVersion::new(number)?, metadata));
        let versions = response.versions.into_iter().map(numbered).collect::<Option<_>>();
        Ok(Self { versions: versions.ok_or("version 0")? })
    }
}

impl TryFrom<KeyInfoResponse> for KeyInfo {
    type Error = &'static str;

    fn try_from(response: KeyInfoResponse) -> Result<Self, &'static str> {
        match (response.current_version, response.versions) {
            (None, None) => Ok(Self(None)),
            (None, Some(_)) => Err("versions without current_version"),
            (Some(current_version), versions) => {
                let versions = versions.unwrap_or_default();
                Ok(Self(Some(MetadataResponse { current_version, versions }.try_into()?)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::SecretMetadata;

    fn numbers(current_version: &Value, versions: &[&str]) -> Option<Vec<u64>> {
        let entry = json!({"created_time": "2026-11-27T21:57:24Z", "deletion_time": ""});
        let versions: serde_json::Map<String, Value> =
            versions.iter().map(|version| ((*version).to_owned(), entry.clone())).collect();
        let response = json!({"current_version": current_version, "versions": versions});
        let metadata: SecretMetadata = serde_json::from_value(response).ok()?;
        Some(metadata.versions.iter().map(|(version, _)| version.number()).collect())
    }

    #[test]
    fn versions_are_sorted_by_number() {
        assert_eq!(numbers(&json!(0), &[]), Some(vec![]));
        assert_eq!(numbers(&json!(11), &["9", "10", "11"]), Some(vec![9, 10, 11]));
    }

    #[test]
    fn inconsistent_metadata_is_rejected() {
        for (current, versions) in [
            (json!(3), ["1", "2"].as_slice()),
            (json!(3), &[]),
            (json!(1), &["1", "2"]),
            (json!(0), &["0"]),
            (json!(0), &["1"]),
            (json!(-1), &[]),
            (Value::Null, &[]),
            (json!(1), &["1", "-1"]),
        ] {
            assert_eq!(numbers(&current, versions), None, "{current} {versions:?}");
        }
    }
}

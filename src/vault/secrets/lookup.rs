//! Reads and writes of single versions.

use jiff::Timestamp;

use super::retry::once_more_after_reset;
use crate::{
    secrets::{
        PendingVersion, RecordError, SecretError, SecretPath, SecretState, SecretVersion,
        StoredRecord,
    },
    tenants::secrets_folder,
    vault::{
        api::kv::{self, VersionResponse},
        client::VaultError,
        secrets::SecretsClient,
    },
};

/// The outcome of looking for a version.
pub(super) enum VersionLookup {
    /// The version can be read.
    Live(LiveVersion),
    /// There is nothing to read, for this reason.
    Missing(SecretError),
}

/// A version that is neither deleted nor destroyed.
pub(super) struct LiveVersion {
    pub(super) version: SecretVersion,
    pub(super) created_at: Timestamp,
    /// The stored record; an error if it has another format.
    pub(super) record: Result<StoredRecord, RecordError>,
}

impl SecretsClient<'_> {
    /// Reads a version, the latest if `version` is `None`.
    pub(super) async fn look_up(
        &self,
        path: &SecretPath,
        version: Option<SecretVersion>,
    ) -> Result<VersionLookup, SecretError> {
        match (self.read_version(path, version).await?, version) {
            (VersionLookup::Missing(SecretError::NotFound), Some(version)) => {
                Ok(VersionLookup::Missing(self.absence_reason(path, version).await?))
            }
            (found, _) => Ok(found),
        }
    }

    /// Distinguishes a version that does not exist from a secret that does not. Vault's response is
    /// the same for both.
    async fn absence_reason(
        &self,
        path: &SecretPath,
        version: SecretVersion,
    ) -> Result<SecretError, SecretError> {
        Ok(match self.read_version(path, None).await?.current() {
            SecretState::Live(latest) | SecretState::Deleted(latest) => {
                SecretError::VersionNotFound { version, latest }
            }
            SecretState::Absent => SecretError::NotFound,
        })
    }

    async fn read_version(
        &self,
        path: &SecretPath,
        version: Option<SecretVersion>,
    ) -> Result<VersionLookup, SecretError> {
        let (client, token, mount) = self.kv();
        let path = kv_path(path);
        let response =
            once_more_after_reset(|| kv::read_version(client, token, mount, &path, version));
        match response.await? {
            Some(response) => Ok(response.try_into()?),
            None => Ok(VersionLookup::Missing(SecretError::NotFound)),
        }
    }

    /// Writes a version with this record if the secret is still in this state. The call is never
    /// repeated: the second would fail with a conflict caused by the first.
    pub(super) async fn write_version(
        &self,
        path: &SecretPath,
        record: &StoredRecord,
        current: SecretState,
    ) -> Result<(SecretVersion, Timestamp), SecretError> {
        let (client, token, mount) = self.kv();
        let cas = Some(current.cas_version());
        let written = kv::write_version(client, token, mount, &kv_path(path), record, cas).await;
        written
            .and_then(|written| Ok((written.version()?, written.created_at()?)))
            .map_err(SecretError::of_change)
    }

    /// Deletes a version, which [`SecretsClient::undelete_version`] restores.
    pub(super) async fn delete_version(
        &self,
        path: &SecretPath,
        version: SecretVersion,
    ) -> Result<(), SecretError> {
        let (client, token, mount) = self.kv();
        let path = kv_path(path);
        let deleted = kv::delete_versions(client, token, mount, &path, &[version.number()]).await;
        deleted.map_err(SecretError::of_change)
    }

    /// Restores a deleted version.
    pub(super) async fn undelete_version(
        &self,
        path: &SecretPath,
        version: SecretVersion,
    ) -> Result<(), SecretError> {
        let (client, token, mount) = self.kv();
        let path = kv_path(path);
        let restored =
            kv::undelete_versions(client, token, mount, &path, &[version.number()]).await;
        restored.map_err(SecretError::of_change)
    }

    /// Destroys these versions irreversibly.
    pub(super) async fn destroy_versions(
        &self,
        path: &SecretPath,
        versions: &[PendingVersion],
    ) -> Result<(), SecretError> {
        let (client, token, mount) = self.kv();
        let versions: Vec<u64> = versions.iter().map(|pending| pending.version).collect();
        let destroyed = kv::destroy_versions(client, token, mount, &kv_path(path), &versions).await;
        destroyed.map_err(SecretError::of_change)
    }

    /// Deletes a secret with all its versions irreversibly.
    ///
    /// # Errors
    /// [`SecretError`].
    pub async fn purge(&self, path: &SecretPath) -> Result<(), SecretError> {
        let (client, token, mount) = self.kv();
        let deleted = kv::delete_metadata(client, token, mount, &kv_path(path)).await;
        deleted.map_err(SecretError::of_change)
    }
}

/// Returns the path of a secret within the KV mount.
pub(super) fn kv_path(path: &SecretPath) -> String {
    format!("{}/{}", secrets_folder(&path.tenant), path.name)
}

impl TryFrom<VersionResponse> for VersionLookup {
    type Error = VaultError;

    fn try_from(VersionResponse { data, metadata }: VersionResponse) -> Result<Self, VaultError> {
        let version = metadata.version()?;
        Ok(match data {
            Some(data) => Self::Live(LiveVersion {
                version,
                created_at: metadata.created_at()?,
                record: serde_json::from_value(data).map_err(|_| RecordError::Format),
            }),
            None if metadata.destroyed => Self::Missing(SecretError::Destroyed(version)),
            None => Self::Missing(SecretError::Deleted(version)),
        })
    }
}

impl VersionLookup {
    /// Returns the state of the secret, if the latest version was looked up.
    pub(super) fn current(&self) -> SecretState {
        match *self {
            Self::Live(LiveVersion { version, .. }) => SecretState::Live(version),
            Self::Missing(SecretError::Deleted(version) | SecretError::Destroyed(version)) => {
                SecretState::Deleted(version)
            }
            Self::Missing(_) => SecretState::Absent,
        }
    }

    /// Returns the live version, or the reason why there is none as an error.
    pub(super) fn into_live(self) -> Result<LiveVersion, SecretError> {
        match self {
            Self::Live(live) => Ok(live),
            Self::Missing(reason) => Err(reason),
        }
    }
}

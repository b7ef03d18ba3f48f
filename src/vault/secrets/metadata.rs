//! The states of a secret's versions, from its metadata.

use super::{lookup::kv_path, retry::once_more_after_reset};
use crate::{
    secrets::{SecretError, SecretPath, SecretState, SecretVersion, VersionInfo, VersionState},
    vault::{
        api::kv::{self, SecretMetadata, VersionMetadata},
        client::VaultError,
        clock::VaultClock,
        secrets::SecretsClient,
    },
};

impl SecretsClient<'_> {
    /// Returns the metadata of a secret; `None` if it does not exist.
    pub(super) async fn metadata(
        &self,
        path: &SecretPath,
    ) -> Result<Option<SecretMetadata>, SecretError> {
        let (client, token, mount) = self.kv();
        let path = kv_path(path);
        let read = || kv::read_metadata(client, token, mount, &path);
        Ok(once_more_after_reset(read).await?)
    }

    /// Returns the versions that were not destroyed, the oldest first, and the number of the latest
    /// of all.
    pub(super) async fn read_undestroyed_versions(
        &self,
        path: &SecretPath,
    ) -> Result<(Vec<SecretVersion>, u64), SecretError> {
        let Some(SecretMetadata { versions }) = self.metadata(path).await? else {
            return Ok((Vec::new(), 0));
        };
        let latest = versions.last().map_or(0, |(version, _)| version.number());
        let kept = versions.into_iter().filter(|(_, metadata)| !metadata.destroyed);
        Ok((kept.map(|(version, _)| version).collect(), latest))
    }
}

impl SecretMetadata {
    /// Returns the latest version, live or not by Vault's clock. A secret of which only metadata
    /// was written has none.
    pub(super) async fn current(&self, clock: &VaultClock<'_>) -> Result<SecretState, VaultError> {
        let Some((version, metadata)) = self.versions.last() else {
            return Ok(SecretState::Absent);
        };
        Ok(match metadata.state(clock).await? {
            VersionState::Live => SecretState::Live(*version),
            VersionState::Deleted(_) | VersionState::Destroyed => SecretState::Deleted(*version),
        })
    }

    /// Returns all versions with their states by Vault's clock.
    pub(super) async fn version_infos(
        &self,
        clock: &VaultClock<'_>,
    ) -> Result<Vec<VersionInfo>, VaultError> {
        let mut infos = Vec::with_capacity(self.versions.len());
        for (version, metadata) in &self.versions {
            infos.push(VersionInfo {
                version: *version,
                created_at: metadata.created_at()?,
                state: metadata.state(clock).await?,
                key_version: None,
            });
        }
        Ok(infos)
    }
}

impl VersionMetadata {
    async fn state(&self, clock: &VaultClock<'_>) -> Result<VersionState, VaultError> {
        if self.destroyed {
            return Ok(VersionState::Destroyed);
        }
        let deleted = clock.deleted_at(self.deletion_time).await?;
        Ok(deleted.map_or(VersionState::Live, VersionState::Deleted))
    }
}

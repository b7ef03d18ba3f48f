//! The versions of a secret, and the restoring of deleted ones.

use std::collections::HashMap;

use futures_util::{StreamExt, TryStreamExt, stream};

use crate::{
    secrets::{
        SecretError, SecretPath, SecretVersion, UndeleteEffect, UndeleteResult, VersionInfo,
        VersionState,
    },
    vault::{
        clock::VaultClock,
        secrets::{
            SecretsClient,
            lookup::{LiveVersion, VersionLookup},
        },
    },
};

/// The number of versions that are read concurrently for their key versions.
const CONCURRENCY: usize = 2;

/// The maximum number of versions that are read: the newest live ones. By default Vault keeps ten
/// versions of a secret.
const MAX_READS: usize = 100;

impl SecretsClient<'_> {
    /// Returns all versions of a secret that Vault keeps, the oldest first, without key versions.
    /// This is one call.
    ///
    /// # Errors
    /// [`SecretError`]; also if the secret does not exist.
    pub async fn list_versions(&self, path: &SecretPath) -> Result<Vec<VersionInfo>, SecretError> {
        let metadata = self.metadata(path).await?.ok_or(SecretError::NotFound)?;
        let versions = metadata.version_infos(&VaultClock::new(self.client)).await?;
        if versions.is_empty() { Err(SecretError::NotFound) } else { Ok(versions) }
    }

    /// Returns the same with key versions, as far as the token may read them: those of the newest
    /// 100 live versions, which are read for this, but not decrypted.
    ///
    /// # Errors
    /// As [`SecretsClient::list_versions`].
    pub async fn version_history(
        &self,
        path: &SecretPath,
    ) -> Result<Vec<VersionInfo>, SecretError> {
        let mut versions = self.list_versions(path).await?;
        let live = versions.iter().rev().filter(|info| info.state == VersionState::Live);
        let live: Vec<SecretVersion> = live.map(|info| info.version).take(MAX_READS).collect();
        let reads = live
            .into_iter()
            .map(|version| async move { Ok((version, self.key_version(path, version).await?)) });
        let keys: Result<HashMap<SecretVersion, Option<u64>>, _> =
            stream::iter(reads).buffer_unordered(CONCURRENCY).try_collect().await;
        let keys = match keys {
            Err(SecretError::PermissionDenied) => HashMap::new(),
            keys => keys?,
        };
        for info in &mut versions {
            info.key_version = keys.get(&info.version).copied().flatten();
        }
        Ok(versions)
    }

    /// Returns the key version that this version was encrypted with; `None` if the version is not
    /// live or its record is unreadable.
    async fn key_version(
        &self,
        path: &SecretPath,
        version: SecretVersion,
    ) -> Result<Option<u64>, SecretError> {
        let VersionLookup::Live(LiveVersion { record: Ok(record), .. }) =
            self.look_up(path, Some(version)).await?
        else {
            return Ok(None);
        };
        let ciphertext = record.into_ciphertext(&path.tenant).ok();
        Ok(ciphertext.map(|ciphertext| ciphertext.key_version()))
    }

    /// Restores a deleted version. A live version is left unchanged. The latest version stays the
    /// same.
    ///
    /// # Errors
    /// [`SecretError`]; also if the version does not exist or was destroyed.
    pub async fn undelete(
        &self,
        path: &SecretPath,
        version: SecretVersion,
    ) -> Result<UndeleteResult, SecretError> {
        let before = self.version_info(path, version).await?;
        match before.0.state {
            VersionState::Live => return Ok(undeleted(before, UndeleteEffect::Unchanged)),
            VersionState::Destroyed => return Err(SecretError::Destroyed(version)),
            VersionState::Deleted(_) => self.undelete_version(path, version).await?,
        }
        // Vault reports success whether or not the version was restored.
        let after = self.version_info(path, version).await.map_err(|error| match error {
            SecretError::Unavailable(unavailable) => SecretError::OutcomeUnknown(unavailable),
            error => error,
        })?;
        match after.0.state {
            VersionState::Live => Ok(undeleted(after, UndeleteEffect::Restored)),
            VersionState::Deleted(_) => Err(SecretError::Deleted(version)),
            VersionState::Destroyed => Err(SecretError::Destroyed(version)),
        }
    }

    /// Returns this version, and the number of the latest.
    async fn version_info(
        &self,
        path: &SecretPath,
        version: SecretVersion,
    ) -> Result<(VersionInfo, SecretVersion), SecretError> {
        let versions = self.list_versions(path).await?;
        let latest = versions.last().ok_or(SecretError::NotFound)?.version;
        let info = versions.into_iter().find(|info| info.version == version);
        Ok((info.ok_or(SecretError::VersionNotFound { version, latest })?, latest))
    }
}

fn undeleted(
    (version, latest): (VersionInfo, SecretVersion),
    effect: UndeleteEffect,
) -> UndeleteResult {
    UndeleteResult { version, latest, effect }
}

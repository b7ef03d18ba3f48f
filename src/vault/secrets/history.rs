//! The versions of a secret, and how one is brought back.

use std::collections::HashMap;

use futures_util::{StreamExt, TryStreamExt, stream};

use crate::{
    secrets::{Effect, SecretError, SecretPath, Undeleted, Version, VersionInfo, VersionState},
    vault::{
        clock::VaultClock,
        secrets::{
            Secrets,
            kv::{Found, Live},
        },
    },
};

/// How many versions are read at once for the versions of the key, and how many at most: the newest
/// that are live. Vault keeps ten of a secret unless it is told otherwise.
const READS: usize = 2;
const MOST_READ: usize = 100;

impl Secrets<'_> {
    /// Returns all versions of a secret that Vault has not forgotten, the oldest first, without the
    /// versions of the key: one call.
    ///
    /// # Errors
    /// [`SecretError`]; also if there is no such secret.
    pub async fn list_versions(&self, path: &SecretPath) -> Result<Vec<VersionInfo>, SecretError> {
        let metadata = self.metadata(path).await?.ok_or(SecretError::Absent)?;
        let versions = metadata.infos(&VaultClock::new(self.client)).await?;
        if versions.is_empty() { Err(SecretError::Absent) } else { Ok(versions) }
    }

    /// Returns the same with the versions of the key, as far as the token may know them: those of
    /// the newest 100 live versions, which are read for that, but not decrypted.
    ///
    /// # Errors
    /// As [`Secrets::list_versions`].
    pub async fn history(&self, path: &SecretPath) -> Result<Vec<VersionInfo>, SecretError> {
        let mut versions = self.list_versions(path).await?;
        let live = versions.iter().rev().filter(|info| info.state == VersionState::Live);
        let live: Vec<Version> = live.map(|info| info.version).take(MOST_READ).collect();
        let reads = live
            .into_iter()
            .map(|version| async move { Ok((version, self.key_version(path, version).await?)) });
        let keys: Result<HashMap<Version, Option<u64>>, _> =
            stream::iter(reads).buffer_unordered(READS).try_collect().await;
        let keys = match keys {
            Err(SecretError::Denied) => HashMap::new(),
            keys => keys?,
        };
        for info in &mut versions {
            info.key_version = keys.get(&info.version).copied().flatten();
        }
        Ok(versions)
    }

    /// The version of the key that this version was encrypted with; `None` if what is there does not
    /// tell, or is there no more.
    async fn key_version(
        &self,
        path: &SecretPath,
        version: Version,
    ) -> Result<Option<u64>, SecretError> {
        let Found::Live(Live { record: Ok(record), .. }) = self.find(path, Some(version)).await?
        else {
            return Ok(None);
        };
        let ciphertext = record.into_ciphertext(&path.tenant).ok();
        Ok(ciphertext.map(|ciphertext| ciphertext.key_version()))
    }

    /// Brings a deleted version back. One that is live stays so. Which version is the latest does
    /// not change.
    ///
    /// # Errors
    /// [`SecretError`]; also if there is no such version, or it was destroyed.
    pub async fn undelete(
        &self,
        path: &SecretPath,
        version: Version,
    ) -> Result<Undeleted, SecretError> {
        let before = self.version_info(path, version).await?;
        match before.0.state {
            VersionState::Live => return Ok(undeleted(before, Effect::Unchanged)),
            VersionState::Destroyed => return Err(SecretError::Destroyed(version)),
            VersionState::Deleted(_) => self.undelete_version(path, version).await?,
        }
        // Vault says yes whatever comes of it.
        let after = self.version_info(path, version).await.map_err(|error| match error {
            SecretError::Unavailable(unavailable) => SecretError::Unsettled(unavailable),
            error => error,
        })?;
        match after.0.state {
            VersionState::Live => Ok(undeleted(after, Effect::Done)),
            VersionState::Deleted(_) => Err(SecretError::Deleted(version)),
            VersionState::Destroyed => Err(SecretError::Destroyed(version)),
        }
    }

    /// This version, and the number of the latest.
    async fn version_info(
        &self,
        path: &SecretPath,
        version: Version,
    ) -> Result<(VersionInfo, Version), SecretError> {
        let versions = self.list_versions(path).await?;
        let latest = versions.last().ok_or(SecretError::Absent)?.version;
        let info = versions.into_iter().find(|info| info.version == version);
        Ok((info.ok_or(SecretError::VersionAbsent { version, latest })?, latest))
    }
}

fn undeleted((version, latest): (VersionInfo, Version), effect: Effect) -> Undeleted {
    Undeleted { version, latest, effect }
}

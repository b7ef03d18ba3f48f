//! What the KV engine tells of a secret besides what it holds.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;

use crate::{
    secrets::{Current, SecretError, SecretPath, Version, VersionInfo, VersionState},
    vault::{
        call::Call,
        client::Operation,
        clock::{DeletionTime, VaultClock},
        error::{Failure, VaultError},
        secrets::Secrets,
    },
};

/// The versions of a secret, the oldest first and the latest last.
#[derive(Deserialize)]
#[serde(try_from = "MetadataAnswer")]
pub(super) struct Metadata {
    versions: Vec<(Version, VersionEntry)>,
}

/// The same as Vault has it.
#[derive(Deserialize)]
struct MetadataAnswer {
    current_version: u64,
    versions: BTreeMap<u64, VersionEntry>,
}

/// The entry of a key in a list with details: the metadata of a secret, or nothing for a folder.
#[derive(Deserialize)]
#[serde(try_from = "KeyInfoAnswer")]
pub(super) struct KeyInfo(pub(super) Option<Metadata>);

#[derive(Deserialize)]
struct KeyInfoAnswer {
    current_version: Option<u64>,
    versions: Option<BTreeMap<u64, VersionEntry>>,
}

#[derive(Deserialize)]
struct VersionEntry {
    created_time: String,
    #[serde(default)]
    deletion_time: DeletionTime,
    #[serde(default)]
    destroyed: bool,
}

impl Secrets<'_> {
    /// The metadata of a secret; `None` if there is none of this name.
    pub(super) async fn metadata(
        &self,
        path: &SecretPath,
    ) -> Result<Option<Metadata>, SecretError> {
        let call = Call::get(self.kv("metadata", path));
        match self.ask(Operation::SecretMetadata, &call).await {
            Ok(metadata) => Ok(Some(metadata)),
            Err(error) if error.failure == Failure::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The versions that were not destroyed, the oldest first, and the number of the latest of all.
    pub(super) async fn versions(
        &self,
        path: &SecretPath,
    ) -> Result<(Vec<Version>, u64), SecretError> {
        let Some(Metadata { versions }) = self.metadata(path).await? else {
            return Ok((Vec::new(), 0));
        };
        let latest = versions.last().map_or(0, |(version, _)| version.number());
        let kept = versions.into_iter().filter(|(_, entry)| !entry.destroyed);
        Ok((kept.map(|(version, _)| version).collect(), latest))
    }
}

impl Metadata {
    /// The latest version, by Vault's clock. Of a secret of which only metadata was written there is
    /// none yet.
    pub(super) async fn current(&self, clock: &VaultClock<'_>) -> Result<Current, VaultError> {
        let Some((version, entry)) = self.versions.last() else { return Ok(Current::Absent) };
        Ok(match entry.state(clock).await? {
            VersionState::Live => Current::Live(*version),
            VersionState::Deleted(_) | VersionState::Destroyed => Current::Gone(*version),
        })
    }

    /// All versions with what has become of them, by Vault's clock.
    pub(super) async fn infos(
        &self,
        clock: &VaultClock<'_>,
    ) -> Result<Vec<VersionInfo>, VaultError> {
        let mut infos = Vec::with_capacity(self.versions.len());
        for (version, entry) in &self.versions {
            infos.push(VersionInfo {
                version: *version,
                created_at: entry.created_at()?,
                state: entry.state(clock).await?,
                key_version: None,
            });
        }
        Ok(infos)
    }
}

impl VersionEntry {
    fn created_at(&self) -> Result<Timestamp, VaultError> {
        self.created_time.parse().map_err(|_| VaultError::malformed("created_time is no time"))
    }

    async fn state(&self, clock: &VaultClock<'_>) -> Result<VersionState, VaultError> {
        if self.destroyed {
            return Ok(VersionState::Destroyed);
        }
        let deleted = clock.passed(self.deletion_time).await?;
        Ok(deleted.map_or(VersionState::Live, VersionState::Deleted))
    }
}

impl TryFrom<MetadataAnswer> for Metadata {
    type Error = &'static str;

    /// The latest version is among the versions, since Vault forgets only the oldest.
    fn try_from(answer: MetadataAnswer) -> Result<Self, &'static str> {
        let latest = answer.versions.last_key_value().map_or(0, |(number, _)| *number);
        if latest != answer.current_version {
            return Err("current_version is not the latest of the versions");
        }
        let entry = |(number, entry)| Some((Version::new(number)?, entry));
        let versions = answer.versions.into_iter().map(entry).collect::<Option<_>>();
        Ok(Self { versions: versions.ok_or("version 0")? })
    }
}

impl TryFrom<KeyInfoAnswer> for KeyInfo {
    type Error = &'static str;

    fn try_from(answer: KeyInfoAnswer) -> Result<Self, &'static str> {
        match (answer.current_version, answer.versions) {
            (None, None) => Ok(Self(None)),
            (None, Some(_)) => Err("versions without current_version"),
            (Some(current_version), versions) => {
                let versions = versions.unwrap_or_default();
                Ok(Self(Some(MetadataAnswer { current_version, versions }.try_into()?)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Metadata;

    fn numbers(current_version: &Value, versions: &[&str]) -> Option<Vec<u64>> {
        let entry = json!({"created_time": "2026-11-27T21:57:24Z", "deletion_time": ""});
        let versions: serde_json::Map<String, Value> =
            versions.iter().map(|version| ((*version).to_owned(), entry.clone())).collect();
        let answer = json!({"current_version": current_version, "versions": versions});
        let metadata: Metadata = serde_json::from_value(answer).ok()?;
        Some(metadata.versions.iter().map(|(version, _)| version.number()).collect())
    }

    #[test]
    fn versions_are_in_their_order_with_the_latest_at_the_end() {
        assert_eq!(numbers(&json!(0), &[]), Some(vec![]));
        assert_eq!(numbers(&json!(11), &["9", "10", "11"]), Some(vec![9, 10, 11]));
    }

    #[test]
    fn answer_without_its_latest_version_is_not_read() {
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

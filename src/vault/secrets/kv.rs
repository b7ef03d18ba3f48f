//! The calls of the KV engine, version 2.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    secrets::{Current, Record, SecretError, SecretPath, Unreadable, Version},
    tenants::Remaining,
    vault::{
        client::Operation,
        clock::{DeletionTime, VaultClock},
        error::{Failure, VaultError},
        secrets::{Call, Secrets},
    },
};

/// What a look for a version has found.
pub(super) enum Found {
    Live(Live),
    /// Nothing to be had, and why.
    Nothing(SecretError),
}

/// A version that is there to be had.
pub(super) struct Live {
    pub(super) version: Version,
    pub(super) created_at: Timestamp,
    /// What it holds, if that is a record of ours.
    pub(super) record: Result<Record, Unreadable>,
}

/// The `data` of an answer with a version.
#[derive(Deserialize)]
struct VersionData {
    data: Option<Value>,
    metadata: VersionMetadata,
}

#[derive(Deserialize)]
struct VersionMetadata {
    version: u64,
    created_time: String,
    #[serde(default)]
    destroyed: bool,
}

/// The `data` of an answer about all versions.
#[derive(Deserialize)]
struct Metadata {
    current_version: u64,
    versions: HashMap<u64, VersionState>,
}

#[derive(Deserialize)]
struct VersionState {
    #[serde(default)]
    deletion_time: DeletionTime,
    #[serde(default)]
    destroyed: bool,
}

#[derive(Serialize)]
struct Write<'r> {
    options: Options,
    data: &'r Record,
}

#[derive(Serialize)]
struct Options {
    cas: u64,
}

#[derive(Serialize)]
struct Versions {
    versions: Vec<u64>,
}

impl Secrets<'_> {
    /// A version, the latest if none is named.
    pub(super) async fn find(
        &self,
        path: &SecretPath,
        version: Option<Version>,
    ) -> Result<Found, SecretError> {
        let mut call = Call::get(self.kv("data", path));
        if let Some(version) = version {
            call = call.with_query(&[("version", &version.to_string())]);
        }
        let answer = match self.version(&call).await {
            Err(error) if error.failure == Failure::Reset => self.version(&call).await,
            answer => answer,
        };
        match answer {
            Ok(VersionData { data, metadata }) => Found::new(data, &metadata).map_err(Into::into),
            Err(error) if error.failure == Failure::NotFound => {
                Ok(Found::Nothing(SecretError::Absent))
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn version(&self, call: &Call) -> Result<VersionData, VaultError> {
        self.client.data_or_remains(Operation::SecretRead, self.token, call).await
    }

    /// Writes a version with this record, if the secret is still in this state. The call is never
    /// made twice: the second would find the secret changed, by the first.
    pub(super) async fn put(
        &self,
        path: &SecretPath,
        record: &Record,
        current: Current,
    ) -> Result<(Version, Timestamp), SecretError> {
        let options = Options { cas: current.check_and_set() };
        let call = Call::post(self.kv("data", path), &Write { options, data: record });
        let written: VersionMetadata =
            self.client.data(Operation::SecretWrite, self.token, &call).await?;
        Ok((written.version()?, written.created_at()?))
    }

    /// Deletes a version, softly.
    pub(super) async fn delete_version(
        &self,
        path: &SecretPath,
        version: Version,
    ) -> Result<(), SecretError> {
        let call =
            Call::post(self.kv("delete", path), &Versions { versions: vec![version.number()] });
        Ok(self.client.done(Operation::SecretDelete, self.token, &call).await?)
    }

    /// Destroys these versions for good.
    pub(super) async fn destroy(
        &self,
        path: &SecretPath,
        versions: &[Remaining],
    ) -> Result<(), SecretError> {
        let versions = versions.iter().map(|remaining| remaining.version).collect();
        let call = Call::post(self.kv("destroy", path), &Versions { versions });
        Ok(self.client.done(Operation::SecretDelete, self.token, &call).await?)
    }

    /// Deletes a secret with all its versions for good.
    ///
    /// # Errors
    /// [`SecretError`].
    pub async fn purge(&self, path: &SecretPath) -> Result<(), SecretError> {
        let call = Call::delete(self.kv("metadata", path));
        Ok(self.client.done(Operation::SecretDelete, self.token, &call).await?)
    }

    /// The versions that were not destroyed, the oldest first, and the number of the latest of all.
    pub(super) async fn versions(
        &self,
        path: &SecretPath,
    ) -> Result<(Vec<Version>, u64), SecretError> {
        let Some(metadata) = self.metadata(path).await? else { return Ok((Vec::new(), 0)) };
        let kept = metadata.versions.into_iter().filter(|(_, state)| !state.destroyed);
        let mut kept: Vec<Version> = kept.filter_map(|(number, _)| Version::new(number)).collect();
        kept.sort_unstable();
        Ok((kept, metadata.current_version))
    }

    async fn metadata(&self, path: &SecretPath) -> Result<Option<Metadata>, SecretError> {
        let call = Call::get(self.kv("metadata", path));
        match self.ask(Operation::SecretMetadata, &call).await {
            Ok(metadata) => Ok(Some(metadata)),
            Err(error) if error.failure == Failure::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The latest version without its record, for a list.
    pub(super) async fn latest(&self, path: &SecretPath) -> Result<Current, SecretError> {
        let Some(metadata) = self.metadata(path).await? else { return Ok(Current::Absent) };
        let Some(version) = Version::new(metadata.current_version) else {
            return Ok(Current::Absent);
        };
        let gone = match metadata.versions.get(&metadata.current_version) {
            Some(state) if !state.destroyed => {
                VaultClock::new(self.client).has_passed(state.deletion_time).await?
            }
            _ => true,
        };
        Ok(if gone { Current::Gone(version) } else { Current::Live(version) })
    }

    fn kv(&self, kind: &str, path: &SecretPath) -> String {
        format!("{}/{kind}/tenants/{}/{}", self.mounts.kv, path.tenant, path.name)
    }
}

impl Found {
    fn new(data: Option<Value>, metadata: &VersionMetadata) -> Result<Self, VaultError> {
        let version = metadata.version()?;
        Ok(match data {
            Some(data) => Self::Live(Live {
                version,
                created_at: metadata.created_at()?,
                record: serde_json::from_value(data).map_err(|_| Unreadable::Format),
            }),
            None if metadata.destroyed => Self::Nothing(SecretError::Destroyed(version)),
            None => Self::Nothing(SecretError::Deleted(version)),
        })
    }

    pub(super) fn current(&self) -> Current {
        match *self {
            Self::Live(Live { version, .. }) => Current::Live(version),
            Self::Nothing(SecretError::Deleted(version) | SecretError::Destroyed(version)) => {
                Current::Gone(version)
            }
            Self::Nothing(_) => Current::Absent,
        }
    }

    pub(super) fn into_live(self) -> Result<Live, SecretError> {
        match self {
            Self::Live(live) => Ok(live),
            Self::Nothing(why) => Err(why),
        }
    }
}

impl VersionMetadata {
    fn version(&self) -> Result<Version, VaultError> {
        Version::new(self.version).ok_or_else(|| VaultError::malformed("version 0"))
    }

    fn created_at(&self) -> Result<Timestamp, VaultError> {
        self.created_time.parse().map_err(|_| VaultError::malformed("created_time is no time"))
    }
}

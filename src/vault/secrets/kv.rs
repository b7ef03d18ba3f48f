//! The calls of the KV engine, version 2.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    secrets::{Current, Record, SecretError, SecretPath, Unreadable, Version},
    tenants::{Remaining, secrets_folder},
    vault::{
        client::Operation,
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
        match self.look(path, version).await? {
            Found::Nothing(SecretError::Absent) => Ok(Found::Nothing(match version {
                Some(version) => self.why_absent(path, version).await?,
                None => SecretError::Absent,
            })),
            found => Ok(found),
        }
    }

    /// Tells a version that does not exist from a secret that does not, which Vault answers alike.
    async fn why_absent(
        &self,
        path: &SecretPath,
        version: Version,
    ) -> Result<SecretError, SecretError> {
        Ok(match self.look(path, None).await?.current() {
            Current::Live(latest) | Current::Gone(latest) => {
                SecretError::VersionAbsent { version, latest }
            }
            Current::Absent => SecretError::Absent,
        })
    }

    async fn look(
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
        let written: Result<VersionMetadata, _> =
            self.client.data(Operation::SecretWrite, self.token, &call).await;
        written
            .and_then(|written| Ok((written.version()?, written.created_at()?)))
            .map_err(SecretError::of_change)
    }

    /// Deletes a version, softly.
    pub(super) async fn delete_version(
        &self,
        path: &SecretPath,
        version: Version,
    ) -> Result<(), SecretError> {
        self.change_versions("delete", path, vec![version.number()]).await
    }

    /// Brings a version back that was deleted. Vault says yes to any other, too.
    pub(super) async fn undelete_version(
        &self,
        path: &SecretPath,
        version: Version,
    ) -> Result<(), SecretError> {
        self.change_versions("undelete", path, vec![version.number()]).await
    }

    /// Destroys these versions for good.
    pub(super) async fn destroy(
        &self,
        path: &SecretPath,
        versions: &[Remaining],
    ) -> Result<(), SecretError> {
        let versions = versions.iter().map(|remaining| remaining.version).collect();
        self.change_versions("destroy", path, versions).await
    }

    async fn change_versions(
        &self,
        kind: &str,
        path: &SecretPath,
        versions: Vec<u64>,
    ) -> Result<(), SecretError> {
        let call = Call::post(self.kv(kind, path), &Versions { versions });
        let done = self.client.done(Operation::SecretDelete, self.token, &call).await;
        done.map_err(SecretError::of_change)
    }

    /// Deletes a secret with all its versions for good.
    ///
    /// # Errors
    /// [`SecretError`].
    pub async fn purge(&self, path: &SecretPath) -> Result<(), SecretError> {
        let call = Call::delete(self.kv("metadata", path));
        let done = self.client.done(Operation::SecretDelete, self.token, &call).await;
        done.map_err(SecretError::of_change)
    }

    pub(super) fn kv(&self, kind: &str, path: &SecretPath) -> String {
        format!("{}/{kind}/{}/{}", self.mounts.kv, secrets_folder(&path.tenant), path.name)
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

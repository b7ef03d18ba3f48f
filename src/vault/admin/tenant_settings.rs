use std::collections::BTreeMap;

use futures_util::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{InspectError, OperatorClient, errors::hint};
use crate::{
    policy::Mounts,
    provisioning::ProvisionError,
    tenants::{RotationInterval, SETTINGS_FOLDER, TenantName, settings_record},
    vault::{
        VaultSession,
        api::kv::{self, data_path, metadata_path},
        client::{FailureKind, VaultError},
    },
};

/// The maximum number of concurrent reads.
const MAX_IN_FLIGHT: usize = 8;

/// The version of the record's format.
const FORMAT: u64 = 1;

/// The settings of tenants, in the KV engine at `tenant-settings/TENANT`: outside of the paths that
/// the tenants' own policy covers.
///
/// A tenant without a record has no settings. Any other answer that is not a record of the known
/// format, such as a deleted record, is an error.
pub struct TenantSettings<'s> {
    operator: OperatorClient<'s>,
    kv: &'s str,
}

/// The rotation interval of each tenant that has one, by the tenant's name, or the fault of its
/// record.
pub type RotationIntervals = BTreeMap<String, Result<RotationInterval, String>>;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    v: u64,
    rotate_every: String,
}

/// The latest version of a record.
struct LatestRecord {
    version: u64,
    interval: Result<RotationInterval, String>,
}

impl<'s> TenantSettings<'s> {
    /// Reads and writes with the token of this session.
    #[must_use]
    pub fn new(session: &'s VaultSession, mounts: &'s Mounts) -> Self {
        Self::at(OperatorClient { session }, &mounts.kv)
    }

    pub(super) fn at(operator: OperatorClient<'s>, kv: &'s str) -> Self {
        Self { operator, kv }
    }

    /// Returns the rotation intervals of all tenants that have one.
    ///
    /// # Errors
    /// [`InspectError`] if they cannot be listed, or a read fails.
    pub async fn rotation_intervals(&self) -> Result<RotationIntervals, InspectError> {
        let read = |name: String| async move {
            let Some(tenant) = TenantName::parse(&name) else {
                return Ok(Some((name, Err("it is not a tenant's name".to_owned()))));
            };
            let record = self.read(&tenant).await?;
            Ok::<_, VaultError>(record.map(|record| (name, record.interval)))
        };
        let names = self.operator.call(async |client, token| {
            kv::list_folder(client, token, self.kv, SETTINGS_FOLDER).await
        });
        let reads = stream::iter(names.await?).map(read).buffer_unordered(MAX_IN_FLIGHT);
        let intervals: Vec<_> = reads.try_collect().await?;
        // A record that was deleted after the list was read is left out.
        Ok(intervals.into_iter().flatten().collect())
    }

    /// Returns the tenant's rotation interval; `None` if it has no record.
    ///
    /// # Errors
    /// [`ProvisionError`] if the record cannot be read.
    pub async fn rotation_interval(
        &self,
        tenant: &TenantName,
    ) -> Result<Option<RotationInterval>, ProvisionError> {
        let path = self.data_path(tenant);
        let record = self.read(tenant).await.map_err(|error| {
            let remedy = hint(&error, &format!("read on {path}"));
            ProvisionError(format!("cannot read {path}: {error}{remedy}"))
        })?;
        let interval = record.map(|record| record.interval).transpose();
        interval.map_err(|fault| {
            ProvisionError(format!(
                "{path}: {fault}; `tenants set {tenant} --rotate-every 90d` replaces it, `never` \
                 removes it"
            ))
        })
    }

    /// Writes the tenant's rotation interval, in place of any record.
    ///
    /// # Errors
    /// [`ProvisionError`], also if the record is changed concurrently.
    pub async fn set_rotation_interval(
        &self,
        tenant: &TenantName,
        interval: RotationInterval,
    ) -> Result<(), ProvisionError> {
        let path = self.data_path(tenant);
        let failed = |error: VaultError| {
            let remedy = match error.kind {
                FailureKind::VersionConflict => {
                    "; the record was changed concurrently: read it again, and decide again"
                        .to_owned()
                }
                _ => hint(&error, &format!("create, read and update on {path}")),
            };
            ProvisionError(format!("cannot write {path}: {error}{remedy}"))
        };
        let latest = self.read(tenant).await.map_err(failed)?;
        let record = Record { v: FORMAT, rotate_every: interval.to_string() };
        let cas = Some(latest.map_or(0, |latest| latest.version));
        let name = settings_record(tenant);
        self.operator
            .call(async |client, token| {
                kv::write_version(client, token, self.kv, &name, &record, cas).await
            })
            .await
            .map(drop)
            .map_err(failed)
    }

    /// Deletes the tenant's record, with all its versions. It is no error if there is none.
    ///
    /// # Errors
    /// [`ProvisionError`].
    pub async fn remove(&self, tenant: &TenantName) -> Result<(), ProvisionError> {
        let name = settings_record(tenant);
        self.operator
            .call(async |client, token| kv::delete_metadata(client, token, self.kv, &name).await)
            .await
            .map_err(|error| {
                let path = metadata_path(self.kv, &name);
                let remedy = hint(&error, &format!("delete on {path}"));
                ProvisionError(format!("cannot delete {path}: {error}{remedy}"))
            })
    }

    async fn read(&self, tenant: &TenantName) -> Result<Option<LatestRecord>, VaultError> {
        let name = settings_record(tenant);
        let found = self
            .operator
            .call(async |client, token| {
                kv::read_version::<Value>(client, token, self.kv, &name, None).await
            })
            .await?;
        let Some(found) = found else {
            return Ok(None);
        };
        let version = found.metadata.version()?.number();
        let interval = match found.data {
            Some(data) => parse(&data),
            None => Err(format!("its latest version, {version}, is deleted")),
        };
        Ok(Some(LatestRecord { version, interval }))
    }

    fn data_path(&self, tenant: &TenantName) -> String {
        data_path(self.kv, &settings_record(tenant))
    }
}

fn parse(data: &Value) -> Result<RotationInterval, String> {
    match data["v"].as_u64() {
        Some(FORMAT) => {}
        Some(format) => {
            return Err(format!(
                "it has the format {format}, written by a newer version of this program, which \
                 supports {FORMAT}"
            ));
        }
        None => return Err(format!("`v` is missing or not a number: {EXAMPLE}")),
    }
    let record =
        Record::deserialize(data).map_err(|_| format!("it does not have the format {EXAMPLE}"))?;
    RotationInterval::parse(&record.rotate_every)
}

const EXAMPLE: &str = r#"{"v":1,"rotate_every":"90d"}"#;

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::parse;

    #[test]
    fn valid_record_is_parsed() {
        let interval = parse(&json!({"v": 1, "rotate_every": "90d"}));
        assert_eq!(interval.map(|interval| interval.to_string()), Ok("90d".to_owned()));
    }

    #[test]
    fn invalid_record_is_an_error() {
        for data in [
            Value::Null,
            json!({}),
            json!([]),
            json!({"rotate_every": "90d"}),
            json!({"v": 1}),
            json!({"v": "1", "rotate_every": "90d"}),
            json!({"v": 2, "rotate_every": "90d"}),
            json!({"v": -1, "rotate_every": "90d"}),
            json!({"v": 1.0, "rotate_every": "90d"}),
            json!({"v": 1, "rotate_every": null}),
            json!({"v": 1, "rotate_every": 90}),
            json!({"v": 1, "rotate_every": ""}),
            json!({"v": 1, "rotate_every": "never"}),
            json!({"v": 1, "rotate_every": "0d"}),
            json!({"v": 1, "rotate_every": "-90d"}),
            json!({"v": 1, "rotate_every": "4000d"}),
            json!({"v": 1, "rotate_every": "90d", "members": []}),
        ] {
            assert!(parse(&data).is_err(), "{data}");
        }
    }
}

use std::collections::BTreeMap;

use futures_util::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Call, Desk, Untold, remedy};
use crate::{
    policies::Mounts,
    provision::Trouble,
    tenants::{RotationInterval, TenantName},
    vault::{
        Session,
        client::Operation,
        error::{Failure, VaultError},
    },
};

/// How many records are read at once.
const READERS: usize = 8;

/// The version of the record's form.
const FORM: u64 = 1;

/// The settings of tenants, kept in the KV engine at `tenant-settings/TENANT`: outside of what the
/// tenants' own policy covers.
///
/// A tenant without a record has no settings. Anything else that is not a record of the known form,
/// a deleted one among it, is an error, and never "no settings".
pub struct TenantSettings<'s> {
    desk: Desk<'s>,
    kv: &'s str,
}

/// The rotation intervals of all tenants that have one, by name; or what is wrong with the record.
pub type RotationIntervals = BTreeMap<String, Result<RotationInterval, String>>;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    v: u64,
    rotate_every: String,
}

/// A version of the record; `data` is null if it was deleted.
#[derive(Deserialize)]
struct VersionData {
    data: Option<Value>,
    metadata: VersionMetadata,
}

#[derive(Deserialize)]
struct VersionMetadata {
    version: u64,
}

#[derive(Deserialize)]
struct Names {
    keys: Vec<String>,
}

/// The latest version of a record.
struct Stored {
    version: u64,
    interval: Result<RotationInterval, String>,
}

impl<'s> TenantSettings<'s> {
    /// The settings that this session's token may see.
    #[must_use]
    pub fn new(session: &'s Session, mounts: &'s Mounts) -> Self {
        Self::at(Desk { session }, &mounts.kv)
    }

    pub(super) fn at(desk: Desk<'s>, kv: &'s str) -> Self {
        Self { desk, kv }
    }

    /// The rotation intervals of all tenants that have one.
    ///
    /// # Errors
    /// [`Untold`] if they cannot be listed, or one of them cannot be asked for.
    pub async fn rotation_intervals(&self) -> Result<RotationIntervals, Untold> {
        let read = |name: String| async move {
            let Some(tenant) = TenantName::parse(&name) else {
                return Ok(Some((name, Err("no tenant can be called so".to_owned()))));
            };
            let stored = self.read(&tenant).await?;
            Ok::<_, VaultError>(stored.map(|stored| (name, stored.interval)))
        };
        let names = stream::iter(self.names().await?);
        let intervals: Vec<_> = names.map(read).buffer_unordered(READERS).try_collect().await?;
        // A record that is gone since the list was read is none.
        Ok(intervals.into_iter().flatten().collect())
    }

    /// The tenant's rotation interval; `None` if it has no record.
    ///
    /// # Errors
    /// [`Trouble`] if the record cannot be read.
    pub async fn rotation_interval(
        &self,
        tenant: &TenantName,
    ) -> Result<Option<RotationInterval>, Trouble> {
        let path = self.data(tenant);
        let stored = self.read(tenant).await.map_err(|error| {
            let remedy = remedy(&error, &format!("read on {path}"));
            Trouble(format!("cannot read {path}: {error}{remedy}"))
        })?;
        let interval = stored.map(|stored| stored.interval).transpose();
        interval.map_err(|why| Trouble(format!("{path}: {why}{}", mend(tenant))))
    }

    /// Writes the tenant's rotation interval, over whatever the record says.
    ///
    /// # Errors
    /// [`Trouble`]; also if somebody else writes the record at the same time.
    pub async fn set_rotation_interval(
        &self,
        tenant: &TenantName,
        interval: RotationInterval,
    ) -> Result<(), Trouble> {
        let path = self.data(tenant);
        let failed = |error: VaultError| {
            let remedy = match error.failure {
                Failure::Conflict => "; somebody else has changed it meanwhile: look at it again, \
                                      and decide anew"
                    .to_owned(),
                _ => remedy(&error, &format!("create, read and update on {path}")),
            };
            Trouble(format!("cannot write {path}: {error}{remedy}"))
        };
        let stored = self.read(tenant).await.map_err(failed)?;
        let record = Record { v: FORM, rotate_every: interval.to_string() };
        let version = stored.map_or(0, |stored| stored.version);
        let body = json!({"options": {"cas": version}, "data": record});
        let own = self.desk.session.token().await.map_err(|error| failed(error.into()))?;
        let client = self.desk.session.client();
        let call = Call::post(path.clone(), &body);
        let written = client.data(Operation::SecretWrite, &own.token, &call).await;
        written.map(|VersionMetadata { .. }| ()).map_err(failed)
    }

    /// Deletes the tenant's record, with all its versions. It is no error if there is none.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn remove(&self, tenant: &TenantName) -> Result<(), Trouble> {
        let path = format!("{}/metadata/tenant-settings/{tenant}", self.kv);
        self.desk.done(&Call::delete(&path)).await.map_err(|error| {
            let remedy = remedy(&error, &format!("delete on {path}"));
            Trouble(format!("cannot delete {path}: {error}{remedy}"))
        })
    }

    async fn names(&self) -> Result<Vec<String>, VaultError> {
        let own = self.desk.session.token().await?;
        let call = Call::list(format!("{}/metadata/tenant-settings", self.kv));
        match self.desk.session.client().data(Operation::SecretList, &own.token, &call).await {
            Ok(Names { keys }) => Ok(keys),
            Err(error) if error.failure == Failure::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    async fn read(&self, tenant: &TenantName) -> Result<Option<Stored>, VaultError> {
        let own = self.desk.session.token().await?;
        let call = Call::get(self.data(tenant));
        let client = self.desk.session.client();
        match client.data_or_remains(Operation::SecretRead, &own.token, &call).await {
            Ok(VersionData { data, metadata: VersionMetadata { version } }) => {
                let interval = data.map_or_else(
                    || Err(format!("its latest version, {version}, is deleted")),
                    |data| interval_of(&data),
                );
                Ok(Some(Stored { version, interval }))
            }
            Err(error) if error.failure == Failure::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn data(&self, tenant: &TenantName) -> String {
        format!("{}/data/tenant-settings/{tenant}", self.kv)
    }
}

/// What to do about a record that cannot be read.
fn mend(tenant: &TenantName) -> String {
    format!("; `tenants set {tenant} --rotate-every 90d` replaces it, `never` removes it")
}

fn interval_of(data: &Value) -> Result<RotationInterval, String> {
    match data["v"].as_u64() {
        Some(FORM) => {}
        Some(form) => {
            return Err(format!(
                "it has the form {form}, and this program knows {FORM}: a newer one wrote it"
            ));
        }
        None => return Err(format!("it has no `v`, or not a number: {EXAMPLE}")),
    }
    let record =
        Record::deserialize(data).map_err(|_| format!("it is not of the form {EXAMPLE}"))?;
    RotationInterval::parse(&record.rotate_every)
}

const EXAMPLE: &str = r#"{"v":1,"rotate_every":"90d"}"#;

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::interval_of;

    #[test]
    fn a_record_of_the_known_form_is_read() {
        let read = interval_of(&json!({"v": 1, "rotate_every": "90d"}));
        assert_eq!(read.map(|interval| interval.to_string()), Ok("90d".to_owned()));
    }

    #[test]
    fn whatever_is_not_is_an_error() {
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
            assert!(interval_of(&data).is_err(), "{data}");
        }
    }
}

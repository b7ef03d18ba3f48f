//! The lease on a tenant's rotation: a secret of its own in the KV engine, outside of what a tenant
//! may read or write. It is taken and renewed by compare-and-set, and it ends by Vault's clock.

mod held;

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::held::{Acquisition, RotationLease};
use super::retry::patiently;
use crate::{
    secrets::SecretError,
    tenants::{LeaseHolder, Stage, StoredVersion, TenantName, rotation_record},
    vault::{
        client::Operation,
        error::{Failure, VaultError},
        secrets::{Call, Secrets},
    },
};

/// The time after which a lease ends that nobody renews.
const TTL: Duration = Duration::from_secs(30);

#[derive(Deserialize)]
struct Found {
    data: Option<Value>,
    metadata: WrittenVersion,
}

#[derive(Deserialize)]
struct WrittenVersion {
    version: u64,
    created_time: String,
    deletion_time: String,
    custom_metadata: Option<BTreeMap<String, String>>,
}

#[derive(Serialize)]
struct Write<'h> {
    options: Options,
    data: &'h LeaseHolder,
}

#[derive(Serialize)]
struct Options {
    cas: u64,
}

#[derive(Serialize)]
struct Settings {
    max_versions: u64,
    delete_version_after: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    custom_metadata: Option<BTreeMap<&'static str, String>>,
}

impl Secrets<'_> {
    /// Returns the version of the tenant's key that a rotation is known to have stored.
    ///
    /// # Errors
    /// [`SecretError`].
    pub async fn stored_key_version(
        &self,
        tenant: &TenantName,
    ) -> Result<Option<StoredVersion>, SecretError> {
        let found = patiently(async || self.find_lease(tenant).await).await?;
        Ok(found.and_then(|found| stored_version(&found.metadata.custom_metadata?)))
    }

    async fn find_lease(&self, tenant: &TenantName) -> Result<Option<Found>, SecretError> {
        let call = Call::get(self.lease("data", tenant));
        match self.client.data_or_remains(Operation::SecretRead, self.token, &call).await {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.failure == Failure::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn put_lease(
        &self,
        tenant: &TenantName,
        holder: &LeaseHolder,
        cas: u64,
    ) -> Result<WrittenVersion, VaultError> {
        let body = Write { options: Options { cas }, data: holder };
        let call = Call::post(self.lease("data", tenant), &body);
        self.client.data(Operation::SecretWrite, self.token, &call).await
    }

    async fn configure_lease(
        &self,
        tenant: &TenantName,
        custom_metadata: Option<BTreeMap<&'static str, String>>,
    ) -> Result<(), SecretError> {
        let delete_version_after = format!("{}s", TTL.as_secs());
        let settings = Settings { max_versions: 2, delete_version_after, custom_metadata };
        let call = Call::post(self.lease("metadata", tenant), &settings);
        Ok(self.client.done(Operation::SecretMetadata, self.token, &call).await?)
    }

    /// Ends a lease, if its secret has this version still.
    async fn end_lease(&self, tenant: &TenantName, version: u64) -> Result<(), SecretError> {
        let body = serde_json::json!({ "versions": [version] });
        let call = Call::post(self.lease("delete", tenant), &body);
        Ok(self.client.done(Operation::SecretDelete, self.token, &call).await?)
    }

    fn lease(&self, kind: &str, tenant: &TenantName) -> String {
        format!("{}/{kind}/{}", self.mounts.kv, rotation_record(tenant))
    }
}

impl Found {
    /// The holder, while the lease has not ended. Something else that was written in its place holds
    /// it as well, without a name.
    fn holder(&self) -> Option<LeaseHolder> {
        let data = self.data.as_ref()?;
        let mut holder = LeaseHolder::deserialize(data).unwrap_or_else(|_| LeaseHolder::unknown());
        holder.since.get_or_insert_with(|| self.metadata.created_time.clone());
        Some(holder)
    }
}

fn custom_metadata(stored: StoredVersion) -> BTreeMap<&'static str, String> {
    let stage = match stored.stage {
        Stage::Rewrapping => "rewrapping",
        Stage::Finished => "finished",
    };
    BTreeMap::from([
        ("stored_version", stored.version.to_string()),
        ("created", stored.created.to_string()),
        ("stage", stage.to_owned()),
    ])
}

/// The reverse; `None` if anything in it is missing or not as it was written.
fn stored_version(metadata: &BTreeMap<String, String>) -> Option<StoredVersion> {
    let stage = match metadata.get("stage")?.as_str() {
        "rewrapping" => Stage::Rewrapping,
        "finished" => Stage::Finished,
        _ => return None,
    };
    let version = metadata.get("stored_version")?.parse().ok()?;
    Some(StoredVersion { version, created: metadata.get("created")?.parse().ok()?, stage })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{custom_metadata, stored_version};
    use crate::tenants::{Stage, StoredVersion};

    #[test]
    fn stored_version_is_read_as_it_was_written_or_not_at_all() {
        let stored = StoredVersion { version: 3, created: 1_795_816_885, stage: Stage::Finished };
        let written = custom_metadata(stored);
        let read: BTreeMap<String, String> =
            written.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        assert_eq!(stored_version(&read), Some(stored));
        for key in read.keys() {
            for wrong in ["", "x", "-1x", "3.0"] {
                let mut changed = read.clone();
                changed.insert(key.clone(), wrong.to_owned());
                assert_eq!(stored_version(&changed), None, "{key} {wrong}");
            }
            let mut lacking = read.clone();
            lacking.remove(key);
            assert_eq!(stored_version(&lacking), None, "{key}");
        }
    }
}

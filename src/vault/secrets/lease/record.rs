//! The KV secret behind a rotation lease.

use std::{collections::BTreeMap, time::Duration};

use serde::Deserialize;

use crate::{
    secrets::{LeaseHolder, RotationStage, SecretError, StoredVersion},
    tenants::{TenantName, rotation_record},
    vault::{
        api::kv::{self, MetadataSettings, VersionMetadata, VersionResponse},
        client::VaultError,
        secrets::{SecretsClient, retry::with_retries},
    },
};

/// The time after which a lease that is not renewed ends.
pub(super) const TTL: Duration = Duration::from_secs(30);

impl SecretsClient<'_> {
    /// Returns the version of the tenant's key that a rotation is known to have stored.
    ///
    /// # Errors
    /// [`SecretError`].
    pub async fn stored_key_version(
        &self,
        tenant: &TenantName,
    ) -> Result<Option<StoredVersion>, SecretError> {
        let record = with_retries(async || self.read_lease(tenant).await).await?;
        Ok(record.and_then(|record| stored_version(&record.metadata.custom_metadata?)))
    }

    pub(super) async fn read_lease(
        &self,
        tenant: &TenantName,
    ) -> Result<Option<VersionResponse>, SecretError> {
        let (client, token, mount) = self.kv();
        Ok(kv::read_version(client, token, mount, &rotation_record(tenant), None).await?)
    }

    pub(super) async fn write_lease(
        &self,
        tenant: &TenantName,
        holder: &LeaseHolder,
        cas: u64,
    ) -> Result<VersionMetadata, VaultError> {
        let (client, token, mount) = self.kv();
        kv::write_version(client, token, mount, &rotation_record(tenant), holder, Some(cas)).await
    }

    /// Sets the TTL of the lease, and its custom metadata unless that is `None`.
    pub(super) async fn configure_lease(
        &self,
        tenant: &TenantName,
        custom_metadata: Option<&BTreeMap<&'static str, String>>,
    ) -> Result<(), SecretError> {
        let (client, token, mount) = self.kv();
        let delete_version_after = format!("{}s", TTL.as_secs());
        let settings = MetadataSettings { max_versions: 2, delete_version_after, custom_metadata };
        Ok(kv::write_metadata(client, token, mount, &rotation_record(tenant), &settings).await?)
    }

    /// Ends a lease if its secret still has this version as the latest.
    pub(super) async fn end_lease(
        &self,
        tenant: &TenantName,
        version: u64,
    ) -> Result<(), SecretError> {
        let (client, token, mount) = self.kv();
        let path = rotation_record(tenant);
        Ok(kv::delete_versions(client, token, mount, &path, &[version]).await?)
    }
}

/// Returns the holder of a lease that has not ended. Data of another format counts as an unknown
/// holder.
pub(super) fn lease_holder(record: &VersionResponse) -> Option<LeaseHolder> {
    let data = record.data.as_ref()?;
    let mut holder = LeaseHolder::deserialize(data).unwrap_or_else(|_| LeaseHolder::unknown());
    holder.since.get_or_insert_with(|| record.metadata.created_time.clone());
    Some(holder)
}

/// Returns the custom metadata that records this version.
pub(super) fn custom_metadata(stored: StoredVersion) -> BTreeMap<&'static str, String> {
    let stage = match stored.stage {
        RotationStage::Rewrapping => "rewrapping",
        RotationStage::Complete => "finished",
    };
    BTreeMap::from([
        ("stored_version", stored.version.to_string()),
        ("created", stored.created.to_string()),
        ("stage", stage.to_owned()),
    ])
}

/// Parses custom metadata; `None` if anything is missing or has another format.
pub(super) fn stored_version(metadata: &BTreeMap<String, String>) -> Option<StoredVersion> {
    let stage = match metadata.get("stage")?.as_str() {
        "rewrapping" => RotationStage::Rewrapping,
        "finished" => RotationStage::Complete,
        _ => return None,
    };
    let version = metadata.get("stored_version")?.parse().ok()?;
    Some(StoredVersion { version, created: metadata.get("created")?.parse().ok()?, stage })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{custom_metadata, stored_version};
    use crate::secrets::{RotationStage, StoredVersion};

    #[test]
    fn stored_version_round_trips() {
        let stored =
            StoredVersion { version: 3, created: 1_795_816_885, stage: RotationStage::Complete };
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
            let mut incomplete = read.clone();
            incomplete.remove(key);
            assert_eq!(stored_version(&incomplete), None, "{key}");
        }
    }
}

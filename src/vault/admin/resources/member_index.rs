//! The index of the entities that belong to each tenant.
//!
//! Vault finds no entity by its metadata, and lists entities only all at once. So each member has a
//! record in the KV engine, in a folder of its tenant. The record grants nothing: the tenant of an
//! entity is the one in its metadata, and a record that contradicts it is ignored.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::json;

use super::VaultResources;
use crate::{
    provisioning::ProvisionError,
    tenants::MEMBERS_FOLDER,
    vault::{
        admin::errors::{
            cannot_create, cannot_delete, cannot_list, cannot_read, cannot_write, none_if_no_mount,
        },
        api::kv::{self, VersionResponse, data_path, metadata_path},
        client::{FailureKind, VaultError},
    },
};

/// The record that an entity is reserved for a tenant.
#[derive(Serialize, Deserialize)]
struct Claim {
    tenant: String,
}

/// The content of the other records.
#[derive(Deserialize)]
struct Empty {}

/// The name of the record that the index is complete.
const COMPLETE: &str = "complete";

/// The index in one KV engine.
pub(in crate::vault::admin) struct MemberIndex<'t, 's> {
    resources: &'t VaultResources<'s>,
    kv: &'t str,
}

impl<'s> VaultResources<'s> {
    /// Returns the index in the KV engine at this path.
    pub(in crate::vault::admin) fn member_index<'t>(&'t self, kv: &'t str) -> MemberIndex<'t, 's> {
        MemberIndex { resources: self, kv }
    }
}

impl MemberIndex<'_, '_> {
    /// Returns the time since which the index is complete, in RFC 3339: all entities were read then,
    /// and every member recorded. `None` if it is not.
    pub(in crate::vault::admin) async fn completed_at(
        &self,
    ) -> Result<Option<String>, ProvisionError> {
        let found = self.read::<Empty>(&record(COMPLETE)).await?;
        Ok(found.filter(|found| found.data.is_some()).map(|found| found.metadata.created_time))
    }

    /// Records that the index is complete.
    pub(in crate::vault::admin) async fn complete(&self) -> Result<(), ProvisionError> {
        self.write_empty(&record(COMPLETE)).await
    }

    /// Returns the tenants that have a member.
    pub(in crate::vault::admin) async fn tenants(&self) -> Result<Vec<String>, ProvisionError> {
        let folders = self.list(&record("of")).await?;
        Ok(folders.iter().filter_map(|name| name.strip_suffix('/')).map(str::to_owned).collect())
    }

    /// Returns the ids of the entities that are recorded as members of a tenant.
    pub(in crate::vault::admin) async fn members(
        &self,
        tenant: &str,
    ) -> Result<Vec<String>, ProvisionError> {
        self.list(&record(&format!("of/{tenant}"))).await
    }

    /// Returns true if this entity is recorded as a member of the tenant.
    pub(in crate::vault::admin) async fn contains(
        &self,
        tenant: &str,
        id: &str,
    ) -> Result<bool, ProvisionError> {
        let found = self.read::<Empty>(&member_record(tenant, id)).await?;
        Ok(found.is_some_and(|found| found.data.is_some()))
    }

    /// Records this entity as a member of the tenant.
    pub(in crate::vault::admin) async fn add(
        &self,
        tenant: &str,
        id: &str,
    ) -> Result<(), ProvisionError> {
        self.write_empty(&member_record(tenant, id)).await
    }

    /// Deletes the record of this entity as a member of the tenant.
    pub(in crate::vault::admin) async fn remove(
        &self,
        tenant: &str,
        id: &str,
    ) -> Result<(), ProvisionError> {
        self.delete(&member_record(tenant, id)).await
    }

    /// Reserves this entity for a tenant, and returns the tenant that it is reserved for: another
    /// one if that was first.
    ///
    /// If two runs add one entity to two tenants, Vault's check-and-set accepts one of them.
    pub(in crate::vault::admin) async fn claim(
        &self,
        tenant: &str,
        id: &str,
    ) -> Result<String, ProvisionError> {
        let (record, claim) = (claim_record(id), Claim { tenant: tenant.to_owned() });
        let path = data_path(self.kv, &record);
        match self.write(&record, &claim, Some(0)).await {
            Ok(()) => return Ok(claim.tenant),
            Err(error) if error.kind == FailureKind::VersionConflict => {}
            Err(error) => return Err(cannot_create(&path)(error)),
        }
        self.claimed_by(id).await?.ok_or_else(|| {
            ProvisionError(format!(
                "{path} was partly deleted by hand, or by another run at the same time: if there \
                 is no other run, delete {} and run this again",
                metadata_path(self.kv, &record)
            ))
        })
    }

    /// Releases an entity, so that another tenant can reserve it, and returns true if it was
    /// reserved for this tenant.
    pub(in crate::vault::admin) async fn release_from(
        &self,
        tenant: &str,
        id: &str,
    ) -> Result<bool, ProvisionError> {
        let holder = self.claimed_by(id).await?;
        if holder.as_ref().is_some_and(|holder| holder != tenant) {
            return Ok(false);
        }
        self.delete(&claim_record(id)).await?;
        Ok(holder.is_some())
    }

    /// Returns the tenant that an entity is reserved for.
    async fn claimed_by(&self, id: &str) -> Result<Option<String>, ProvisionError> {
        let found = self.read::<Claim>(&claim_record(id)).await?;
        Ok(found.and_then(|found| found.data).map(|claim| claim.tenant))
    }

    async fn read<T: DeserializeOwned>(
        &self,
        record: &str,
    ) -> Result<Option<VersionResponse<T>>, ProvisionError> {
        let read = self.resources.operator.call(async |client, token| {
            kv::read_version(client, token, self.kv, record, None).await
        });
        none_if_no_mount(read.await).map_err(cannot_read(&data_path(self.kv, record)))
    }

    async fn list(&self, folder: &str) -> Result<Vec<String>, ProvisionError> {
        let listed = self
            .resources
            .operator
            .call(async |client, token| kv::list_folder(client, token, self.kv, folder).await);
        none_if_no_mount(listed.await).map_err(cannot_list(&metadata_path(self.kv, folder)))
    }

    async fn write(
        &self,
        record: &str,
        data: &impl Serialize,
        cas: Option<u64>,
    ) -> Result<(), VaultError> {
        self.resources
            .operator
            .call(async |client, token| {
                kv::write_version(client, token, self.kv, record, data, cas).await
            })
            .await
            .map(drop)
    }

    async fn write_empty(&self, record: &str) -> Result<(), ProvisionError> {
        let written = self.write(record, &json!({}), None).await;
        written.map_err(cannot_write(&data_path(self.kv, record)))
    }

    async fn delete(&self, record: &str) -> Result<(), ProvisionError> {
        let deleted = self
            .resources
            .operator
            .call(async |client, token| kv::delete_metadata(client, token, self.kv, record).await);
        none_if_no_mount(deleted.await).map_err(cannot_delete(&metadata_path(self.kv, record)))
    }
}

/// Returns the name of a record in the KV engine.
fn record(name: &str) -> String {
    format!("{MEMBERS_FOLDER}/{name}")
}

/// Returns the name of the record of an entity as a member of a tenant.
pub(super) fn member_record(tenant: &str, id: &str) -> String {
    record(&format!("of/{tenant}/{id}"))
}

/// Returns the name of the record that an entity is reserved.
fn claim_record(id: &str) -> String {
    record(&format!("entities/{id}"))
}

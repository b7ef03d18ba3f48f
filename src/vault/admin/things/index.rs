//! The record of which entities belong to which tenant.
//!
//! Vault finds no entity by its metadata, and lists entities only all at once. So each member has a
//! record in the KV engine, in a folder of its tenant. The record grants nothing: the tenant of an
//! entity is the one in its metadata, and a record that says otherwise is passed over.

use serde::{Deserialize, de::IgnoredAny};
use serde_json::json;

use super::{Call, Things, trouble};
use crate::{
    provision::Trouble,
    vault::{client::Operation, error::Failure},
};

/// The folder of the KV engine that the records are in.
const FOLDER: &str = "tenant-members";

/// A version in the KV engine.
#[derive(Deserialize)]
struct Version<T> {
    data: Option<T>,
    metadata: VersionMetadata,
}

#[derive(Deserialize)]
struct VersionMetadata {
    created_time: String,
}

#[derive(Deserialize)]
struct Claim {
    tenant: String,
}

#[derive(Deserialize)]
struct Empty {}

/// The records in one KV engine.
pub(in crate::vault::admin) struct MemberIndex<'t, 's> {
    things: &'t Things<'s>,
    kv: &'t str,
}

impl<'s> Things<'s> {
    /// The records in the KV engine at this path.
    pub(in crate::vault::admin) fn member_index<'t>(&'t self, kv: &'t str) -> MemberIndex<'t, 's> {
        MemberIndex { things: self, kv }
    }
}

impl MemberIndex<'_, '_> {
    /// The time at which all entities were read and every member recorded; `None` if they never were.
    pub(in crate::vault::admin) async fn completed_at(&self) -> Result<Option<String>, Trouble> {
        let found: Option<Version<Empty>> = self.things.get(&self.data("complete")).await?;
        Ok(found.filter(|found| found.data.is_some()).map(|found| found.metadata.created_time))
    }

    /// Records that all entities were read and every member recorded.
    pub(in crate::vault::admin) async fn complete(&self) -> Result<(), Trouble> {
        self.things.post(&self.data("complete"), json!({"data": {}})).await
    }

    /// The tenants that have a member.
    pub(in crate::vault::admin) async fn tenants(&self) -> Result<Vec<String>, Trouble> {
        let folders = self.things.keys(&self.metadata("of")).await?;
        Ok(folders.iter().filter_map(|name| name.strip_suffix('/')).map(str::to_owned).collect())
    }

    /// The ids of the entities that are recorded as members of a tenant.
    pub(in crate::vault::admin) async fn members(
        &self,
        tenant: &str,
    ) -> Result<Vec<String>, Trouble> {
        self.things.keys(&self.metadata(&format!("of/{tenant}"))).await
    }

    /// Whether this entity is recorded as a member of the tenant.
    pub(in crate::vault::admin) async fn has(
        &self,
        tenant: &str,
        id: &str,
    ) -> Result<bool, Trouble> {
        let found: Option<Version<Empty>> = self.things.get(&self.data(&of(tenant, id))).await?;
        Ok(found.is_some_and(|found| found.data.is_some()))
    }

    /// Records this entity as a member of the tenant.
    pub(in crate::vault::admin) async fn add(&self, tenant: &str, id: &str) -> Result<(), Trouble> {
        self.things.post(&self.data(&of(tenant, id)), json!({"data": {}})).await
    }

    /// Deletes the record of this entity as a member of the tenant.
    pub(in crate::vault::admin) async fn remove(
        &self,
        tenant: &str,
        id: &str,
    ) -> Result<(), Trouble> {
        self.things.delete(&self.metadata(&of(tenant, id))).await
    }

    /// The tenant that this entity is reserved for, which is this one unless another has it already.
    ///
    /// Of two runs that add one entity to two tenants, Vault's check-and-set lets one through.
    pub(in crate::vault::admin) async fn claim(
        &self,
        tenant: &str,
        id: &str,
    ) -> Result<String, Trouble> {
        let path = self.data(&claim(id));
        let body = json!({"options": {"cas": 0}, "data": {"tenant": tenant}});
        let call = Call::post(path.clone(), &body);
        match self.things.desk.data_in::<IgnoredAny>(Operation::SecretWrite, &call).await {
            Ok(_) => return Ok(tenant.to_owned()),
            Err(error) if error.failure == Failure::Conflict => {}
            Err(error) => {
                let needed = format!("create on {path}");
                return Err(trouble(&error, &format!("write {path}"), &needed));
            }
        }
        let found: Option<Version<Claim>> = self.things.get(&path).await?;
        let holder = found.and_then(|found| found.data).map(|claim| claim.tenant);
        holder.ok_or_else(|| {
            Trouble(format!(
                "{path} was deleted by hand in part, or by another run at this moment: if there is \
                 no other run, delete {} and run this again",
                self.metadata(&claim(id))
            ))
        })
    }

    /// Gives an entity up, so that another tenant may have it; whether it was reserved for this one.
    pub(in crate::vault::admin) async fn release_from(
        &self,
        tenant: &str,
        id: &str,
    ) -> Result<bool, Trouble> {
        let found: Option<Version<Claim>> = self.things.get(&self.data(&claim(id))).await?;
        let holder = found.and_then(|found| found.data).map(|claim| claim.tenant);
        if holder.as_ref().is_some_and(|holder| holder != tenant) {
            return Ok(false);
        }
        self.things.delete(&self.metadata(&claim(id))).await?;
        Ok(holder.is_some())
    }

    fn data(&self, name: &str) -> String {
        data(self.kv, name)
    }

    fn metadata(&self, name: &str) -> String {
        format!("{}/metadata/{FOLDER}/{name}", self.kv)
    }
}

/// The path of the record of this entity as a member of the tenant.
pub(super) fn record_path(kv: &str, tenant: &str, id: &str) -> String {
    data(kv, &of(tenant, id))
}

fn data(kv: &str, name: &str) -> String {
    format!("{kv}/data/{FOLDER}/{name}")
}

fn of(tenant: &str, id: &str) -> String {
    format!("of/{tenant}/{id}")
}

fn claim(id: &str) -> String {
    format!("entities/{id}")
}

//! The membership of people in tenants.

use super::{LoginMethod, VaultResources};
use crate::{
    provisioning::{Membership, ProvisionError, ResourceState},
    vault::api::identity::entity::Entity,
};

impl VaultResources<'_> {
    pub(super) async fn read_membership(
        &self,
        wanted: &Membership,
    ) -> Result<ResourceState, ProvisionError> {
        let Some(entity) = self.member_entity(wanted).await? else {
            return Ok(ResourceState::Absent);
        };
        match entity.tenant() {
            Some(tenant) if tenant == wanted.tenant => {
                self.read_member_record(&wanted.kv, tenant, &entity).await
            }
            Some(tenant) => Ok(ResourceState::Conflict(format!(
                "it belongs to the tenant {tenant}: `vault-auth-validator tenants members remove \
                 {tenant} {login} --mount {mount}` removes it from that tenant",
                login = wanted.login,
                mount = wanted.mount
            ))),
            None => Ok(ResourceState::Absent),
        }
    }

    /// Adds a person to a tenant. The record is written before the metadata, so that no entity
    /// belongs to a tenant without a record.
    pub(super) async fn ensure_membership(
        &self,
        wanted: &Membership,
    ) -> Result<(), ProvisionError> {
        let Membership { kv, tenant, login, .. } = wanted;
        let deleted = || ProvisionError("its entity was deleted meanwhile".to_owned());
        let method = self.method_of(wanted).await?;
        if self.entity_of_alias(login, &method.accessor).await?.is_none() {
            self.create_alias_and_entity(login, &method.accessor).await?;
        }
        let index = self.member_index(kv);
        let entity = self.entity_of_alias(login, &method.accessor).await?.ok_or_else(deleted)?;
        let holder = index.claim(tenant, &entity.id).await?;
        if holder != *tenant {
            return Err(ProvisionError(format!(
                "another run is adding it to the tenant {holder}, or was interrupted: \
                 `vault-auth-validator tenants members remove {holder} {login} --mount {}` undoes \
                 that",
                wanted.mount
            )));
        }
        index.add(tenant, &entity.id).await?;
        // The claim keeps other runs from adding it to a tenant; the entity may have changed before.
        let entity = self.entity_by_id(&entity.id).await?.ok_or_else(deleted)?;
        if entity.tenant().is_some_and(|other| other != tenant) {
            index.remove(tenant, &entity.id).await?;
            index.release_from(tenant, &entity.id).await?;
            return Err(ProvisionError(format!("it is now {}", entity.tenant_label())));
        }
        self.set_tenant(&entity, Some(tenant)).await?;
        // A concurrent run that removes it deletes the record last.
        if index.contains(tenant, &entity.id).await? {
            return Ok(());
        }
        index.claim(tenant, &entity.id).await?;
        index.add(tenant, &entity.id).await
    }

    async fn member_entity(&self, wanted: &Membership) -> Result<Option<Entity>, ProvisionError> {
        let method = self.method_of(wanted).await?;
        self.entity_of_alias(&wanted.login, &method.accessor).await
    }

    async fn method_of(&self, wanted: &Membership) -> Result<LoginMethod, ProvisionError> {
        let method = self.login_method(&wanted.mount).await?;
        method
            .ok_or_else(|| ProvisionError(format!("there is no auth method at {}/", wanted.mount)))
    }
}

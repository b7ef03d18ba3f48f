//! Entities and aliases of tenants.

use std::collections::BTreeMap;

use super::VaultResources;
use crate::{
    provisioning::{ProvisionError, ResourceState},
    tenants::{LoginKind, METADATA_KEY, MemberLogin},
    vault::{
        admin::errors::{
            cannot_delete, cannot_list, cannot_read, cannot_write, none_if_no_mount,
            provision_error,
        },
        api::{
            approle::APPROLE,
            identity::{
                alias::{self, ALIAS_PATH},
                entity::{self, Alias, ENTITY_IDS_PATH, ENTITY_PATH, Entity, LOOKUP_PATH},
            },
        },
    },
};

impl VaultResources<'_> {
    pub(super) async fn read_entity(
        &self,
        kv: &str,
        name: &str,
        tenant: &str,
    ) -> Result<ResourceState, ProvisionError> {
        let Some(entity) = self.entity(name).await? else { return Ok(ResourceState::Absent) };
        match entity.tenant() {
            Some(found) if found == tenant => self.read_member_record(kv, tenant, &entity).await,
            _ => Ok(ResourceState::Conflict(format!(
                "an entity of this name exists, {}: choose another name for the service",
                entity.tenant_label()
            ))),
        }
    }

    /// Returns [`ResourceState::Present`] if the entity is recorded as a member of the tenant.
    pub(super) async fn read_member_record(
        &self,
        kv: &str,
        tenant: &str,
        entity: &Entity,
    ) -> Result<ResourceState, ProvisionError> {
        if self.member_index(kv).contains(tenant, &entity.id).await? {
            return Ok(ResourceState::Present);
        }
        Ok(ResourceState::Drifted(format!("it is not recorded as a member of {tenant} yet")))
    }

    pub(super) async fn ensure_entity(
        &self,
        kv: &str,
        name: &str,
        tenant: &str,
    ) -> Result<(), ProvisionError> {
        if self.entity(name).await?.is_none() {
            let metadata = BTreeMap::from([(METADATA_KEY.to_owned(), tenant.to_owned())]);
            self.operator
                .call(async |client, token| {
                    entity::create_entity(client, token, name, &metadata).await
                })
                .await
                .map_err(cannot_write(ENTITY_PATH))?;
        }
        let entity = self.entity(name).await?;
        let entity =
            entity.ok_or_else(|| ProvisionError("the entity was deleted meanwhile".to_owned()))?;
        self.member_index(kv).add(tenant, &entity.id).await
    }

    /// Compares the alias that links the AppRole with the entity, both of this name. Vault moves an
    /// existing alias to another entity without an error, so an alias of another entity is a
    /// conflict.
    pub(super) async fn read_alias(&self, name: &str) -> Result<ResourceState, ProvisionError> {
        if let Some(role_id) = self.role_id(name).await?
            && let Some(holder) = self.entity_of_role_id(&role_id).await?
        {
            if holder.name == name {
                return Ok(ResourceState::Present);
            }
            return Ok(ResourceState::Conflict(format!(
                "logins with this AppRole already belong to the entity {}, {}: delete that entity \
                 (identity/entity/id/{}) if it is not in use, or choose another name for the \
                 service",
                holder.name,
                holder.tenant_label(),
                holder.id
            )));
        }
        let entity = self.entity(name).await?;
        Ok(match entity.as_ref().and_then(Entity::approle_alias) {
            None => ResourceState::Absent,
            Some(alias) => ResourceState::Conflict(format!(
                "the entity of this name logs in with another AppRole: delete the alias \
                 (identity/entity-alias/id/{}) if that AppRole no longer exists",
                alias.id
            )),
        })
    }

    pub(super) async fn ensure_alias(&self, name: &str) -> Result<(), ProvisionError> {
        let missing = |what: &str| ProvisionError(format!("there is no {what}"));
        let role_id = self.role_id(name).await?.ok_or_else(|| missing("AppRole"))?;
        let entity = self.entity(name).await?.ok_or_else(|| missing("entity"))?;
        let accessor = self.approle_accessor().await?;
        let accessor = accessor.ok_or_else(|| missing("auth method at approle/"))?;
        self.operator
            .call(async |client, token| {
                alias::create_alias(client, token, &role_id, &accessor, &entity.id).await
            })
            .await
            .map_err(cannot_write(ALIAS_PATH))
    }

    /// Returns the ids of all entities.
    pub(in crate::vault::admin) async fn entity_ids(&self) -> Result<Vec<String>, ProvisionError> {
        let ids = self.operator.call(entity::list_entities).await;
        none_if_no_mount(ids).map_err(cannot_list(ENTITY_IDS_PATH))
    }

    /// Returns the entity with this name.
    pub(in crate::vault::admin) async fn entity(
        &self,
        name: &str,
    ) -> Result<Option<Entity>, ProvisionError> {
        let read = self
            .operator
            .call(async |client, token| entity::read_entity_by_name(client, token, name).await);
        none_if_no_mount(read.await).map_err(cannot_read(&entity::path_by_name(name)))
    }

    /// Returns the entity with this id.
    pub(in crate::vault::admin) async fn entity_by_id(
        &self,
        id: &str,
    ) -> Result<Option<Entity>, ProvisionError> {
        let read = self
            .operator
            .call(async |client, token| entity::read_entity_by_id(client, token, id).await);
        none_if_no_mount(read.await).map_err(cannot_read(&entity::path_by_id(id)))
    }

    /// Returns the entity that logs in with this role id.
    async fn entity_of_role_id(&self, role_id: &str) -> Result<Option<Entity>, ProvisionError> {
        let Some(accessor) = self.approle_accessor().await? else { return Ok(None) };
        self.entity_of_alias(role_id, &accessor).await
    }

    /// Returns the entity with an alias of this name at the auth method with this accessor.
    pub(in crate::vault::admin) async fn entity_of_alias(
        &self,
        name: &str,
        accessor: &str,
    ) -> Result<Option<Entity>, ProvisionError> {
        let found = self.operator.call(async |client, token| {
            entity::look_up_entity(client, token, name, accessor).await
        });
        found.await.map_err(|error| {
            provision_error(&error, "look up an entity", &format!("update on {LOOKUP_PATH}"))
        })
    }

    /// Creates an alias and its entity.
    pub(super) async fn create_alias_and_entity(
        &self,
        name: &str,
        accessor: &str,
    ) -> Result<(), ProvisionError> {
        self.operator
            .call(async |client, token| {
                alias::create_alias_and_entity(client, token, name, accessor).await
            })
            .await
            .map_err(cannot_write(ALIAS_PATH))
    }

    /// Sets or removes the tenant in the metadata of an entity. All other metadata stay. Vault
    /// replaces metadata as a whole, so a concurrent change is lost.
    pub(in crate::vault::admin) async fn set_tenant(
        &self,
        entity: &Entity,
        tenant: Option<&str>,
    ) -> Result<(), ProvisionError> {
        let mut metadata = entity.metadata.clone().unwrap_or_default();
        match tenant {
            Some(tenant) => metadata.insert(METADATA_KEY.to_owned(), tenant.to_owned()),
            None => metadata.remove(METADATA_KEY),
        };
        self.operator
            .call(async |client, token| {
                entity::write_metadata(client, token, &entity.id, &metadata).await
            })
            .await
            .map_err(cannot_write(ENTITY_PATH))
    }

    /// Deletes an entity with its aliases. From then on Vault rejects its tokens.
    pub(in crate::vault::admin) async fn delete_entity(
        &self,
        name: &str,
    ) -> Result<(), ProvisionError> {
        let deleted = self
            .operator
            .call(async |client, token| entity::delete_entity(client, token, name).await);
        none_if_no_mount(deleted.await).map_err(cannot_delete(&entity::path_by_name(name)))
    }

    /// Deletes an alias.
    pub(in crate::vault::admin) async fn delete_alias(
        &self,
        id: &str,
    ) -> Result<(), ProvisionError> {
        let deleted =
            self.operator.call(async |client, token| alias::delete_alias(client, token, id).await);
        none_if_no_mount(deleted.await).map_err(cannot_delete(&alias::path_by_id(id)))
    }
}

/// The number of aliases of an entity.
pub(in crate::vault::admin) enum AliasCount {
    One,
    Several,
}

impl Entity {
    /// Returns the tenant that the entity belongs to.
    pub(in crate::vault::admin) fn tenant(&self) -> Option<&str> {
        self.metadata.as_ref()?.get(METADATA_KEY).map(String::as_str)
    }

    /// Returns the names with which the entity logs in, those of people first.
    pub(in crate::vault::admin) fn logins(&self) -> Vec<MemberLogin> {
        let mut logins: Vec<_> = self.aliases().iter().map(login).collect();
        logins.sort();
        logins
    }

    /// Returns the id of the entity's alias at this mount, and the number of all its aliases.
    pub(in crate::vault::admin) fn alias_at(&self, mount: &str) -> Option<(&str, AliasCount)> {
        let alias = self.aliases().iter().find(|alias| alias.mount() == mount)?;
        let is_only = self.aliases().len() == 1;
        Some((&alias.id, if is_only { AliasCount::One } else { AliasCount::Several }))
    }

    /// Returns the alias for AppRole. An entity has at most one alias at each mount.
    fn approle_alias(&self) -> Option<&Alias> {
        self.aliases().iter().find(|alias| alias.mount_type.as_deref() == Some(APPROLE))
    }

    pub(super) fn tenant_label(&self) -> String {
        match self.tenant() {
            Some(tenant) => format!("of the tenant {tenant}"),
            None => "of no tenant".to_owned(),
        }
    }
}

fn login(alias: &Alias) -> MemberLogin {
    let method = alias.mount_type.clone().unwrap_or_default();
    let kind = if method == APPROLE { LoginKind::Service } else { LoginKind::Person };
    MemberLogin { kind, name: alias.name.clone(), mount: alias.mount().to_owned(), method }
}

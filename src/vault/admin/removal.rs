//! Removal of people and services from a tenant.

use super::{
    effective_policies::EffectivePolicies,
    resources::{AliasCount, VaultResources},
};
use crate::{
    policy::Mounts,
    provisioning::ProvisionError,
    tenants::{Member, MemberLogin, ServiceName, TenantName, policy_name},
    vault::{
        VaultSession,
        api::{
            approle::{APPROLE, role_path},
            identity::entity::Entity,
        },
    },
};

/// Removes members from tenants.
pub struct MemberRemover<'s> {
    resources: VaultResources<'s>,
    mounts: &'s Mounts,
}

/// The treatment of the user of a person who is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountRemoval {
    /// The user is kept, and its tokens stay valid.
    KeepAccount,
    /// The user is deleted.
    DeleteAccount,
}

/// The result of a removal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemovalResult {
    /// The tenant was removed from the entity's metadata; its tokens stay valid.
    Membership,
    /// The entity was deleted, so that Vault rejects its tokens.
    Entity,
}

impl<'s> MemberRemover<'s> {
    /// Reads and writes with the token of this session.
    #[must_use]
    pub fn new(session: &'s VaultSession, mounts: &'s Mounts) -> Self {
        Self { resources: VaultResources::new(session), mounts }
    }

    /// Removes a person from the tenant.
    ///
    /// # Errors
    /// A message that says why the person is still a member, and what to do.
    pub async fn remove_person(
        &self,
        tenant: &TenantName,
        mount: &str,
        name: &str,
        removal: AccountRemoval,
    ) -> Result<RemovalResult, ProvisionError> {
        let method = self.resources.login_method(mount).await?;
        let method =
            method.ok_or_else(|| ProvisionError(format!("there is no auth method at {mount}/")))?;
        if removal == AccountRemoval::DeleteAccount && !method.is_userpass() {
            return Err(ProvisionError(format!(
                "people log in at {mount}/ with {}, so Vault has no accounts of them to delete; \
                 nothing was changed",
                method.kind
            )));
        }
        let name = method.alias(name);
        let entity = self.resources.entity_of_alias(&name, &method.accessor).await?;
        let entity = entity.ok_or_else(|| {
            ProvisionError(format!("no member of {tenant} logs in as {name} at {mount}/"))
        })?;
        match entity.tenant() {
            Some(found) if found == tenant.as_str() => {}
            Some(other) => {
                return Err(ProvisionError(format!(
                    "{name} belongs to {other}, not to {tenant}; nothing was changed"
                )));
            }
            // An interrupted run has reserved the entity.
            None if self.delete_record(&entity.id, tenant).await? => {}
            None => {
                return Err(ProvisionError(format!(
                    "{name} belongs to no tenant; nothing was changed"
                )));
            }
        }
        if removal == AccountRemoval::KeepAccount {
            self.remove_membership(&entity, tenant).await?;
            return self.check_policies(entity, tenant, &name).await;
        }
        // The account is deleted first: a person who is still a member can be removed again.
        self.resources.delete_account(mount, &name).await?;
        if let Some((alias, AliasCount::Several)) = entity.alias_at(mount) {
            self.remove_membership(&entity, tenant).await?;
            self.resources.delete_alias(alias).await?;
            return self.check_policies(entity, tenant, &name).await;
        }
        self.resources.delete_entity(&entity.name).await?;
        self.delete_record(&entity.id, tenant).await?;
        Ok(RemovalResult::Entity)
    }

    /// Removes a person or a service from the tenant, as [`MemberRemover::remove_person`] does with
    /// [`AccountRemoval::KeepAccount`].
    ///
    /// # Errors
    /// A message that says why it is still a member, and what to do.
    pub async fn remove_member(
        &self,
        tenant: &TenantName,
        member: &Member,
    ) -> Result<(), ProvisionError> {
        match self.resources.entity_by_id(&member.id).await? {
            Some(entity) if entity.tenant() == Some(tenant.as_str()) => {
                self.remove_membership(&entity, tenant).await?;
                self.check_policies(entity, tenant, member.display_name()).await.map(drop)
            }
            _ => self.delete_record(&member.id, tenant).await.map(drop),
        }
    }

    /// Returns true if the tenant has a service of this name, or a part of one.
    ///
    /// # Errors
    /// A message that says why it is not known, or that the name belongs to something else.
    pub async fn has_service(
        &self,
        tenant: &TenantName,
        service: &ServiceName,
    ) -> Result<bool, ProvisionError> {
        let name = service.entity_name(tenant);
        match self.resources.entity(&name).await? {
            Some(entity) if entity.tenant() == Some(tenant.as_str()) => {
                let person = entity.logins().into_iter().find(MemberLogin::is_person);
                match person {
                    Some(login) => Err(ProvisionError(format!(
                        "the entity {name} is a person, who logs in as {} at {}/",
                        login.name, login.mount
                    ))),
                    None => Ok(true),
                }
            }
            Some(_) => {
                Err(ProvisionError(format!("the entity {name} does not belong to {tenant}")))
            }
            None if self.resources.role_id(&name).await?.is_some() => Err(ProvisionError(format!(
                "there is an AppRole {name} with which services can log in, but no entity of this \
                 name that shows its tenant: delete {} if it was {tenant}'s",
                role_path(&name)
            ))),
            None => Ok(false),
        }
    }

    /// Removes a service: its AppRole with its secret ids, then its entity with its alias, after
    /// which Vault rejects its tokens.
    ///
    /// # Errors
    /// A message that says what still exists, and what to do.
    pub async fn remove_service(
        &self,
        tenant: &TenantName,
        service: &ServiceName,
    ) -> Result<(), ProvisionError> {
        self.remove_role_and_entity(tenant, &service.entity_name(tenant)).await
    }

    /// Removes the service whose AppRole and entity have this name.
    ///
    /// # Errors
    /// A message that says what still exists, and what to do.
    pub async fn remove_role_and_entity(
        &self,
        tenant: &TenantName,
        name: &str,
    ) -> Result<(), ProvisionError> {
        let entity = self.resources.entity(name).await?;
        let entity = entity.filter(|entity| entity.tenant() == Some(tenant.as_str()));
        let Some(entity) = entity else {
            return Err(ProvisionError(format!("the entity {name} no longer belongs to {tenant}")));
        };
        self.check_roles(&entity).await?;
        self.resources.delete_role(name).await?;
        self.resources.delete_entity(name).await?;
        self.delete_record(&entity.id, tenant).await.map(drop)
    }

    /// Checks that the entity logs in with the AppRole of its name only: another one would be left,
    /// with its policies. An AppRole that is deleted already does not count.
    async fn check_roles(&self, entity: &Entity) -> Result<(), ProvisionError> {
        let name = &entity.name;
        let own = self.resources.role_id(name).await?;
        for MemberLogin { name: role_id, mount, .. } in entity.logins() {
            if mount != APPROLE {
                return Err(ProvisionError(format!(
                    "the entity {name} logs in with an AppRole at {mount}/, and is not removed: \
                     delete that AppRole and the entity's alias first"
                )));
            }
            if own.as_ref() == Some(&role_id) {
                continue;
            }
            let other = self.resources.role_with_id(&role_id).await?;
            if own.is_some() || other.is_some() {
                let other = other.map(|role| format!(": {}", role_path(&role)));
                return Err(ProvisionError(format!(
                    "the entity {name} logs in with another AppRole than the one of its name, and \
                     is not removed; delete that AppRole first{}",
                    other.unwrap_or_default()
                )));
            }
        }
        Ok(())
    }

    /// Checks that no policy of the removed member assigns it to the tenant.
    async fn check_policies(
        &self,
        entity: Entity,
        tenant: &TenantName,
        name: &str,
    ) -> Result<RemovalResult, ProvisionError> {
        let member = EffectivePolicies::new(&self.resources).member(entity).await?;
        let policy = policy_name(tenant);
        if member.policies.contains(&policy) {
            return Err(ProvisionError(format!(
                "the tenant was removed from the metadata of {name}'s entity, but its tokens have \
                 the policy {policy}, which still assigns them to {tenant}: remove that policy from \
                 the account, the entity or its group"
            )));
        }
        Ok(RemovalResult::Membership)
    }

    /// Removes the tenant from the entity's metadata, and then the record, so that no entity belongs
    /// to a tenant without a record.
    async fn remove_membership(
        &self,
        entity: &Entity,
        tenant: &TenantName,
    ) -> Result<(), ProvisionError> {
        self.resources.set_tenant(entity, None).await?;
        self.delete_record(&entity.id, tenant).await?;
        let now = self.resources.entity_by_id(&entity.id).await?;
        if now.is_some_and(|now| now.tenant() == Some(tenant.as_str())) {
            let index = self.resources.member_index(&self.mounts.kv);
            index.add(tenant.as_str(), &entity.id).await?;
            return Err(ProvisionError(format!(
                "another run has added {} to {tenant} at the same time",
                entity.name
            )));
        }
        Ok(())
    }

    /// Deletes the record of an entity, and returns true if it was reserved for the tenant.
    async fn delete_record(&self, id: &str, tenant: &TenantName) -> Result<bool, ProvisionError> {
        let index = self.resources.member_index(&self.mounts.kv);
        index.remove(tenant.as_str(), id).await?;
        index.release_from(tenant.as_str(), id).await
    }
}

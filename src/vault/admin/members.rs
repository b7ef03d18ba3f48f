//! Taking people and services out of a tenant.

use super::{
    effective::EffectivePolicies,
    things::{APPROLE, Aliases, Entity, Things},
};
use crate::{
    policies::Mounts,
    provision::Trouble,
    tenants::{Login, Member, ServiceName, TenantName},
    vault::Session,
};

/// The members of tenants, for those who take them out.
pub struct Members<'s> {
    things: Things<'s>,
    mounts: &'s Mounts,
}

/// What becomes of the account of a person who is taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// It stays, and its tokens with it.
    KeepAccount,
    /// It is deleted.
    DeleteAccount,
}

/// What became of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removed {
    /// The tenant is taken out of the entity's metadata; its tokens live on.
    Membership,
    /// The entity is deleted, so that Vault refuses its tokens.
    Entity,
}

impl<'s> Members<'s> {
    /// The members that this session's token may take out.
    #[must_use]
    pub fn new(session: &'s Session, mounts: &'s Mounts) -> Self {
        Self { things: Things::new(session), mounts }
    }

    /// Takes a person out of the tenant.
    ///
    /// # Errors
    /// Why the person is still in it, and what helps.
    pub async fn remove_person(
        &self,
        tenant: &TenantName,
        mount: &str,
        name: &str,
        removal: Removal,
    ) -> Result<Removed, Trouble> {
        let method = self.things.login_method(mount).await?;
        let method =
            method.ok_or_else(|| Trouble(format!("there is no auth method at {mount}/")))?;
        if removal == Removal::DeleteAccount && !method.is_userpass() {
            return Err(Trouble(format!(
                "people log in at {mount}/ by {}, so their accounts are not Vault's to delete; \
                 nothing was changed",
                method.kind
            )));
        }
        let name = method.alias(name);
        let entity = self.things.entity_of_alias(&name, &method.accessor).await?;
        let entity = entity.ok_or_else(|| {
            Trouble(format!("nobody who logs in as {name} at {mount}/ belongs to {tenant}"))
        })?;
        match entity.tenant() {
            Some(found) if found == tenant.as_str() => {}
            Some(other) => {
                return Err(Trouble(format!(
                    "{name} belongs to {other}, not to {tenant}; nothing was changed"
                )));
            }
            // A run that was stopped on the way has reserved the entity.
            None if self.forget(&entity.id, tenant).await? => {}
            None => {
                return Err(Trouble(format!("{name} belongs to no tenant; nothing was changed")));
            }
        }
        if removal == Removal::KeepAccount {
            self.take_out(&entity, tenant).await?;
            return self.check_policies(entity, tenant, &name).await;
        }
        // The account goes first: a person who is still in the tenant can be removed again.
        self.things.delete_account(mount, &name).await?;
        if let Some((alias, Aliases::Several)) = entity.alias_at(mount) {
            self.take_out(&entity, tenant).await?;
            self.things.delete_alias(alias).await?;
            return self.check_policies(entity, tenant, &name).await;
        }
        self.things.delete_entity(&entity.name).await?;
        self.forget(&entity.id, tenant).await?;
        Ok(Removed::Entity)
    }

    /// Takes this member out of the tenant, as [`Members::remove_person`] does, whoever it is.
    ///
    /// # Errors
    /// Why the member is still in it, and what helps.
    pub async fn remove_member(&self, tenant: &TenantName, member: &Member) -> Result<(), Trouble> {
        match self.things.entity_by_id(&member.id).await? {
            Some(entity) if entity.tenant() == Some(tenant.as_str()) => {
                self.take_out(&entity, tenant).await?;
                self.check_policies(entity, tenant, member.name()).await.map(drop)
            }
            _ => self.forget(&member.id, tenant).await.map(drop),
        }
    }

    /// Whether there is a service of this name in the tenant, or a part of one.
    ///
    /// # Errors
    /// Why that cannot be told, and that something else has the name.
    pub async fn has_service(
        &self,
        tenant: &TenantName,
        service: &ServiceName,
    ) -> Result<bool, Trouble> {
        let name = service.of(tenant);
        match self.things.entity(&name).await? {
            Some(entity) if entity.tenant() == Some(tenant.as_str()) => {
                let person = entity.logins().into_iter().find(Login::is_persons);
                match person {
                    Some(login) => Err(Trouble(format!(
                        "the entity {name} is a person, who logs in as {} at {}/",
                        login.name, login.mount
                    ))),
                    None => Ok(true),
                }
            }
            Some(_) => Err(Trouble(format!("the entity {name} does not belong to {tenant}"))),
            None if self.things.role_id(&name).await?.is_some() => Err(Trouble(format!(
                "there is no entity {name} to say whose it is, and an AppRole of this name, by which \
                 somebody can log in: delete auth/approle/role/{name} if it was {tenant}'s"
            ))),
            None => Ok(false),
        }
    }

    /// Removes a service: its AppRole with its secret ids, then its entity with its alias, after
    /// which Vault refuses its tokens.
    ///
    /// # Errors
    /// What is still there, and what helps.
    pub async fn remove_service(
        &self,
        tenant: &TenantName,
        service: &ServiceName,
    ) -> Result<(), Trouble> {
        self.remove_role_and_entity(tenant, &service.of(tenant)).await
    }

    /// Removes a service that is called so.
    ///
    /// # Errors
    /// What is still there, and what helps.
    pub async fn remove_role_and_entity(
        &self,
        tenant: &TenantName,
        name: &str,
    ) -> Result<(), Trouble> {
        let entity = self.things.entity(name).await?;
        let entity = entity.filter(|entity| entity.tenant() == Some(tenant.as_str()));
        let Some(entity) = entity else {
            return Err(Trouble(format!("the entity {name} does not belong to {tenant} any more")));
        };
        self.check_roles(&entity).await?;
        self.things.delete_role(name).await?;
        self.things.delete_entity(name).await?;
        self.forget(&entity.id, tenant).await.map(drop)
    }

    /// Checks that the entity logs in by the AppRole of its name alone: another one would stay, and
    /// its policies with it. One that is deleted already is none.
    async fn check_roles(&self, entity: &Entity) -> Result<(), Trouble> {
        let name = &entity.name;
        let own = self.things.role_id(name).await?;
        for Login { name: role_id, mount, .. } in entity.logins() {
            if mount != APPROLE {
                return Err(Trouble(format!(
                    "the entity {name} logs in by an AppRole at {mount}/, and is not removed: delete \
                     that AppRole and the entity's alias first"
                )));
            }
            if own.as_ref() == Some(&role_id) {
                continue;
            }
            let other = self.things.role_with_id(&role_id).await?;
            if own.is_some() || other.is_some() {
                let other = other.map(|role| format!(": auth/approle/role/{role}"));
                return Err(Trouble(format!(
                    "the entity {name} logs in by another AppRole than the one of its name, and is \
                     not removed; delete that AppRole first{}",
                    other.unwrap_or_default()
                )));
            }
        }
        Ok(())
    }

    /// That no policy says that whoever was taken out is of the tenant.
    async fn check_policies(
        &self,
        entity: Entity,
        tenant: &TenantName,
        name: &str,
    ) -> Result<Removed, Trouble> {
        let member = EffectivePolicies::new(&self.things).member(entity).await?;
        let policy = format!("tenant-{tenant}");
        if member.policies.contains(&policy) {
            return Err(Trouble(format!(
                "the tenant is taken out of the metadata of {name}'s entity, but the tokens have the \
                 policy {policy}, by which they are still of {tenant}: take that policy from the \
                 account, the entity or its group"
            )));
        }
        Ok(Removed::Membership)
    }

    /// The record goes last, so that nobody belongs to a tenant unrecorded.
    async fn take_out(&self, entity: &Entity, tenant: &TenantName) -> Result<(), Trouble> {
        self.things.set_tenant(entity, None).await?;
        self.forget(&entity.id, tenant).await?;
        let now = self.things.entity_by_id(&entity.id).await?;
        if now.is_some_and(|now| now.tenant() == Some(tenant.as_str())) {
            let index = self.things.member_index(&self.mounts.kv);
            index.add(tenant.as_str(), &entity.id).await?;
            return Err(Trouble(format!(
                "another run has put {} into {tenant} at this moment",
                entity.name
            )));
        }
        Ok(())
    }

    /// Deletes the record; whether a person was reserved for the tenant.
    async fn forget(&self, id: &str, tenant: &TenantName) -> Result<bool, Trouble> {
        let index = self.things.member_index(&self.mounts.kv);
        index.remove(tenant.as_str(), id).await?;
        index.release_from(tenant.as_str(), id).await
    }
}

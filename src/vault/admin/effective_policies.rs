//! The policies that the tokens of a tenant's members have.

use std::collections::{BTreeMap, BTreeSet};

use super::{errors::cannot_read, resources::VaultResources};
use crate::{
    provisioning::ProvisionError,
    tenants::{LoginKind, Member, MemberLogin},
    vault::api::{
        approle::APPROLE,
        identity::{
            entity::Entity,
            group::{self, IdentityGroup},
        },
        userpass::USERPASS,
    },
};

/// Collects the policies of members. Each group is read once.
pub(super) struct EffectivePolicies<'t, 's> {
    resources: &'t VaultResources<'s>,
    group_policies: tokio::sync::Mutex<BTreeMap<String, Result<BTreeSet<String>, ProvisionError>>>,
}

impl<'t, 's> EffectivePolicies<'t, 's> {
    pub(super) fn new(resources: &'t VaultResources<'s>) -> Self {
        Self { resources, group_policies: tokio::sync::Mutex::default() }
    }

    /// Returns an entity as a member, with the policies of its tokens. Policies that the operator
    /// may not read are reported in [`Member::unknown_policies`].
    pub(super) async fn member(&self, entity: Entity) -> Result<Member, ProvisionError> {
        let mut member = as_member(&entity);
        for id in entity.group_ids() {
            match self.of_group(id).await {
                Ok(policies) => member.policies.extend(policies),
                Err(error) => member.unknown_policies.push(error.to_string()),
            }
        }
        for login in member.logins.clone() {
            match self.of_login(&entity, &login).await {
                Ok(policies) => member.policies.extend(policies),
                Err(error) => member.unknown_policies.push(error.to_string()),
            }
        }
        Ok(member)
    }

    async fn of_login(
        &self,
        entity: &Entity,
        login: &MemberLogin,
    ) -> Result<BTreeSet<String>, ProvisionError> {
        let MemberLogin { kind, name, mount, method } = login;
        match (kind, method.as_str()) {
            // An AppRole that this program created has the name of the entity.
            (LoginKind::Service, _) => {
                let policies = if mount == APPROLE && is_role_name(&entity.name) {
                    self.resources.policies_by_role_id(&entity.name, name).await?
                } else {
                    None
                };
                policies.ok_or_else(|| {
                    ProvisionError(format!(
                        "{mount}/: its AppRole does not have the name of the entity"
                    ))
                })
            }
            (LoginKind::Person, USERPASS) => {
                let account = self.resources.account(mount, name).await?;
                let policies = account.map(|account| account.policies);
                policies
                    .ok_or_else(|| ProvisionError(format!("{mount}/: there is no account {name}")))
            }
            (LoginKind::Person, method) => Err(ProvisionError(format!(
                "{mount}/: they depend on the {method} role of the login"
            ))),
        }
    }

    async fn of_group(&self, id: &str) -> Result<BTreeSet<String>, ProvisionError> {
        let mut groups = self.group_policies.lock().await;
        if let Some(cached) = groups.get(id) {
            return cached.clone();
        }
        let group = self
            .resources
            .operator
            .call(async |client, token| group::read_group_by_id(client, token, id).await)
            .await
            .map_err(cannot_read(&group::path_by_id(id)));
        let policies = |group: Option<IdentityGroup>| group.and_then(|group| group.policies);
        let policies = group.map(|group| policies(group).unwrap_or_default());
        groups.insert(id.to_owned(), policies.clone());
        policies
    }
}

/// Returns an entity as a member, with the entity's own policies.
pub(super) fn as_member(entity: &Entity) -> Member {
    Member {
        entity: entity.name.clone(),
        id: entity.id.clone(),
        disabled: entity.disabled,
        logins: entity.logins(),
        policies: entity.policies().cloned().collect(),
        unknown_policies: Vec::new(),
    }
}

/// Returns true if an AppRole can have this name. The names of entities have no such limits.
fn is_role_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    !name.is_empty() && name.bytes().all(is_plain)
}

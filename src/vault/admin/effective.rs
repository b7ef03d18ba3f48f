//! The policies that a member's tokens have.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::things::{APPROLE, Entity, Things};
use crate::{
    provision::Trouble,
    tenants::{Login, LoginKind, Member},
};

#[derive(Deserialize)]
struct Group {
    policies: Option<BTreeSet<String>>,
}

/// Finds the policies of one member after another; each group is read once.
pub(super) struct EffectivePolicies<'t, 's> {
    things: &'t Things<'s>,
    groups: tokio::sync::Mutex<BTreeMap<String, Result<BTreeSet<String>, Trouble>>>,
}

impl<'t, 's> EffectivePolicies<'t, 's> {
    pub(super) fn new(things: &'t Things<'s>) -> Self {
        Self { things, groups: tokio::sync::Mutex::default() }
    }

    /// This entity as a member, with the policies of its tokens. Those that the token may not see
    /// are named as unknown.
    pub(super) async fn member(&self, entity: Entity) -> Result<Member, Trouble> {
        let mut member = as_member(&entity);
        for id in entity.group_ids() {
            match self.group(id).await {
                Ok(policies) => member.policies.extend(policies),
                Err(trouble) => member.unknown.push(trouble.to_string()),
            }
        }
        for login in member.logins.clone() {
            match self.of_login(&entity, &login).await {
                Ok(policies) => member.policies.extend(policies),
                Err(trouble) => member.unknown.push(trouble.to_string()),
            }
        }
        Ok(member)
    }

    async fn of_login(&self, entity: &Entity, login: &Login) -> Result<BTreeSet<String>, Trouble> {
        let Login { kind, name, mount, method } = login;
        match (kind, method.as_str()) {
            // The AppRole is called like the entity, if this program made it.
            (LoginKind::Service, _) => {
                let policies = if mount == APPROLE && can_be_a_role(&entity.name) {
                    self.things.policies_by_role_id(&entity.name, name).await?
                } else {
                    None
                };
                let none =
                    || Trouble(format!("{mount}/: its AppRole is not called like the entity"));
                policies.ok_or_else(none)
            }
            (LoginKind::Person, "userpass") => {
                let account = self.things.account(mount, name).await?;
                let policies = account.map(|account| account.policies);
                policies.ok_or_else(|| Trouble(format!("{mount}/: there is no account {name}")))
            }
            (LoginKind::Person, method) => {
                Err(Trouble(format!("{mount}/: they depend on the {method} role of the login")))
            }
        }
    }

    async fn group(&self, id: &str) -> Result<BTreeSet<String>, Trouble> {
        let mut groups = self.groups.lock().await;
        if let Some(known) = groups.get(id) {
            return known.clone();
        }
        let found = self.things.get::<Group>(&format!("identity/group/id/{id}")).await;
        let found = found.map(|group| group.and_then(|group| group.policies).unwrap_or_default());
        groups.insert(id.to_owned(), found.clone());
        found
    }
}

/// This entity as a member, with the policies that it has by itself.
pub(super) fn as_member(entity: &Entity) -> Member {
    Member {
        entity: entity.name.clone(),
        id: entity.id.clone(),
        disabled: entity.disabled,
        logins: entity.logins(),
        policies: entity.policies().cloned().collect(),
        unknown: Vec::new(),
    }
}

/// Whether an AppRole can be called so. Entities are called anything.
fn can_be_a_role(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    !name.is_empty() && name.bytes().all(plain)
}

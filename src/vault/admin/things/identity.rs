use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::json;

use super::{APPROLE, Call, Things, trouble};
use crate::{
    provision::{State, Trouble},
    tenants::{Login, LoginKind},
};

/// The key of an entity's metadata that the tenant is in.
const TENANT: &str = "tenant";

/// An entity in Vault, as far as it matters here.
#[derive(Deserialize)]
pub(in crate::vault::admin) struct Entity {
    pub(in crate::vault::admin) id: String,
    pub(in crate::vault::admin) name: String,
    #[serde(default)]
    pub(in crate::vault::admin) disabled: bool,
    metadata: Option<BTreeMap<String, String>>,
    policies: Option<BTreeSet<String>>,
    group_ids: Option<Vec<String>>,
    aliases: Option<Vec<Alias>>,
}

#[derive(Deserialize)]
struct Alias {
    id: String,
    name: String,
    mount_type: Option<String>,
    mount_path: Option<String>,
}

impl Things<'_> {
    pub(super) async fn look_for_entity(
        &self,
        kv: &str,
        name: &str,
        tenant: &str,
    ) -> Result<State, Trouble> {
        let Some(entity) = self.entity(name).await? else { return Ok(State::Missing) };
        Ok(match entity.tenant() {
            Some(found) if found == tenant => {
                if self.member_index(kv).has(tenant, &entity.id).await? {
                    State::There
                } else {
                    State::Differs(format!("it has yet to be recorded as a member of {tenant}"))
                }
            }
            _ => State::InTheWay(format!(
                "there is an entity of this name {}: name the service otherwise",
                entity.whose()
            )),
        })
    }

    pub(super) async fn make_entity(
        &self,
        kv: &str,
        name: &str,
        tenant: &str,
    ) -> Result<(), Trouble> {
        if self.entity(name).await?.is_none() {
            let body = json!({"name": name, "metadata": {TENANT: tenant}});
            self.post("identity/entity", body).await?;
        }
        let made = self.entity(name).await?;
        let made = made.ok_or_else(|| Trouble("the entity is gone again".to_owned()))?;
        self.member_index(kv).add(tenant, &made.id).await
    }

    /// Whether logging in by the role makes one the entity. An alias that is written again is
    /// silently taken from the entity that has it, so one that is taken is in the way.
    pub(super) async fn look_for_alias(&self, name: &str) -> Result<State, Trouble> {
        if let Some(role_id) = self.role_id(name).await?
            && let Some(holder) = self.entity_of_role_id(&role_id).await?
        {
            if holder.name == name {
                return Ok(State::There);
            }
            return Ok(State::InTheWay(format!(
                "who logs in by this AppRole is already the entity {} {}: delete that entity \
                 (identity/entity/id/{}) if it is nobody, or name the service otherwise",
                holder.name,
                holder.whose(),
                holder.id
            )));
        }
        let entity = self.entity(name).await?;
        Ok(match entity.as_ref().and_then(Entity::app_role) {
            None => State::Missing,
            Some(alias) => State::InTheWay(format!(
                "the entity of this name logs in by another AppRole: delete the alias \
                 (identity/entity-alias/id/{}) if that one is gone",
                alias.id
            )),
        })
    }

    pub(super) async fn make_alias(&self, name: &str) -> Result<(), Trouble> {
        let missing = |what: &str| Trouble(format!("there is no {what}"));
        let role_id = self.role_id(name).await?.ok_or_else(|| missing("AppRole"))?;
        let entity = self.entity(name).await?.ok_or_else(|| missing("entity"))?;
        let accessor = self.app_role_accessor().await?;
        let accessor = accessor.ok_or_else(|| missing("auth method at approle/"))?;
        let body = json!({
            "name": role_id,
            "canonical_id": entity.id,
            "mount_accessor": accessor,
        });
        self.post("identity/entity-alias", body).await
    }

    pub(in crate::vault::admin) async fn entity(
        &self,
        name: &str,
    ) -> Result<Option<Entity>, Trouble> {
        self.get(&format!("identity/entity/name/{name}")).await
    }

    /// Who logs in with this role id.
    async fn entity_of_role_id(&self, role_id: &str) -> Result<Option<Entity>, Trouble> {
        let Some(accessor) = self.app_role_accessor().await? else { return Ok(None) };
        self.entity_of_alias(role_id, &accessor).await
    }

    /// The entity of whoever logs in by this name at the auth method with this accessor.
    pub(in crate::vault::admin) async fn entity_of_alias(
        &self,
        name: &str,
        accessor: &str,
    ) -> Result<Option<Entity>, Trouble> {
        const PATH: &str = "identity/lookup/entity";
        let body = json!({"alias_name": name, "alias_mount_accessor": accessor});
        let found = self.desk.data_if_any(&Call::post(PATH, &body)).await;
        found.map_err(|error| trouble(&error, "look an entity up", &format!("update on {PATH}")))
    }
}

impl Things<'_> {
    /// The entity with this id.
    pub(in crate::vault::admin) async fn entity_by_id(
        &self,
        id: &str,
    ) -> Result<Option<Entity>, Trouble> {
        self.get(&format!("identity/entity/id/{id}")).await
    }

    /// Makes an alias without an entity, for which Vault makes one, as at a first login.
    pub(super) async fn make_entity_of_alias(
        &self,
        name: &str,
        accessor: &str,
    ) -> Result<(), Trouble> {
        let body = json!({"name": name, "mount_accessor": accessor});
        self.post("identity/entity-alias", body).await
    }

    /// Puts this entity into a tenant, or takes it out of every one. All else in its metadata stays.
    /// Vault replaces metadata as a whole, so another change at this moment is lost.
    pub(in crate::vault::admin) async fn set_tenant(
        &self,
        entity: &Entity,
        tenant: Option<&str>,
    ) -> Result<(), Trouble> {
        let mut metadata = entity.metadata.clone().unwrap_or_default();
        match tenant {
            Some(tenant) => metadata.insert(TENANT.to_owned(), tenant.to_owned()),
            None => metadata.remove(TENANT),
        };
        self.post("identity/entity", json!({"id": entity.id, "metadata": metadata})).await
    }

    /// Deletes an entity with its aliases. Vault refuses its tokens from then on.
    pub(in crate::vault::admin) async fn delete_entity(&self, name: &str) -> Result<(), Trouble> {
        self.delete(&format!("identity/entity/name/{name}")).await
    }

    /// Deletes an alias.
    pub(in crate::vault::admin) async fn delete_alias(&self, id: &str) -> Result<(), Trouble> {
        self.delete(&format!("identity/entity-alias/id/{id}")).await
    }
}

impl Entity {
    /// The tenant that it belongs to.
    pub(in crate::vault::admin) fn tenant(&self) -> Option<&str> {
        self.metadata.as_ref()?.get(TENANT).map(String::as_str)
    }

    /// The policies that it has by itself.
    pub(in crate::vault::admin) fn policies(&self) -> impl Iterator<Item = &String> {
        self.policies.iter().flatten()
    }

    /// The groups that it is in, directly or through another.
    pub(in crate::vault::admin) fn group_ids(&self) -> impl Iterator<Item = &String> {
        self.group_ids.iter().flatten()
    }

    /// The names that it logs in by, those of people first.
    pub(in crate::vault::admin) fn logins(&self) -> Vec<Login> {
        let mut logins: Vec<_> = self.aliases.iter().flatten().map(Alias::as_login).collect();
        logins.sort();
        logins
    }

    /// The id of the alias by which it logs in at this mount, and whether it has no other.
    pub(in crate::vault::admin) fn alias_at(&self, mount: &str) -> Option<(&str, Aliases)> {
        let mut aliases = self.aliases.iter().flatten();
        let alias = aliases.find(|alias| alias.as_login().mount == mount)?;
        let only = self.aliases.as_ref().is_some_and(|aliases| aliases.len() == 1);
        Some((&alias.id, if only { Aliases::One } else { Aliases::Several }))
    }

    /// Vault lets an entity have one alias on each mount.
    fn app_role(&self) -> Option<&Alias> {
        let by_app_role = |alias: &&Alias| alias.mount_type.as_deref() == Some(APPROLE);
        self.aliases.iter().flatten().find(by_app_role)
    }

    pub(super) fn whose(&self) -> String {
        match self.tenant() {
            Some(tenant) => format!("of the tenant {tenant}"),
            None => "of no tenant".to_owned(),
        }
    }
}

/// The number of aliases of an entity.
pub(in crate::vault::admin) enum Aliases {
    One,
    Several,
}

impl Alias {
    fn as_login(&self) -> Login {
        let method = self.mount_type.clone().unwrap_or_default();
        let path = self.mount_path.as_deref().unwrap_or_default();
        let path = path.strip_prefix("auth/").unwrap_or(path).trim_end_matches('/');
        let kind = if method == APPROLE { LoginKind::Service } else { LoginKind::Person };
        Login { kind, name: self.name.clone(), mount: path.to_owned(), method }
    }
}

use std::collections::{BTreeSet, HashMap};

use serde::Deserialize;
use serde_json::json;

use super::{APPROLE, Call, Things, trouble};
use crate::{
    provision::{State, Trouble},
    tenants::Member,
};

/// An entity in Vault, as far as it matters here.
#[derive(Deserialize)]
pub(in crate::vault::admin) struct Entity {
    id: String,
    pub(in crate::vault::admin) name: String,
    #[serde(default)]
    disabled: bool,
    metadata: Option<HashMap<String, String>>,
    policies: Option<BTreeSet<String>>,
    aliases: Option<Vec<Alias>>,
}

#[derive(Deserialize)]
struct Alias {
    id: String,
    name: String,
    mount_type: Option<String>,
}

impl Things<'_> {
    pub(super) async fn look_for_entity(&self, name: &str, tenant: &str) -> Result<State, Trouble> {
        let Some(entity) = self.entity(name).await? else { return Ok(State::Missing) };
        Ok(match entity.tenant() {
            Some(found) if found == tenant => State::There,
            _ => State::InTheWay(format!(
                "there is an entity of this name {}: name the service otherwise",
                entity.whose()
            )),
        })
    }

    pub(super) async fn make_entity(&self, name: &str, tenant: &str) -> Result<(), Trouble> {
        self.post("identity/entity", json!({"name": name, "metadata": {"tenant": tenant}})).await
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

    pub(super) async fn entity(&self, name: &str) -> Result<Option<Entity>, Trouble> {
        self.get(&format!("identity/entity/name/{name}")).await
    }

    /// Who logs in with this role id.
    async fn entity_of_role_id(&self, role_id: &str) -> Result<Option<Entity>, Trouble> {
        const PATH: &str = "identity/lookup/entity";
        let Some(accessor) = self.app_role_accessor().await? else { return Ok(None) };
        let body = json!({"alias_name": role_id, "alias_mount_accessor": accessor});
        let found = self.desk.data_if_any(&Call::post(PATH, &body)).await;
        found.map_err(|error| trouble(&error, "look an entity up", &format!("update on {PATH}")))
    }
}

impl Entity {
    /// The tenant that it belongs to.
    pub(in crate::vault::admin) fn tenant(&self) -> Option<&str> {
        self.metadata.as_ref()?.get("tenant").map(String::as_str)
    }

    /// The role id that it logs in with.
    pub(in crate::vault::admin) fn role_id(&self) -> Option<&str> {
        self.app_role().map(|alias| alias.name.as_str())
    }

    /// The same as somebody who belongs to a tenant.
    pub(in crate::vault::admin) fn into_member(self) -> Member {
        let aliases = self.aliases.into_iter().flatten();
        Member {
            name: self.name,
            id: self.id,
            disabled: self.disabled,
            logs_in_by: aliases.filter_map(|alias| alias.mount_type).collect(),
            policies: self.policies.unwrap_or_default(),
        }
    }

    /// Vault lets an entity have one alias on each mount.
    fn app_role(&self) -> Option<&Alias> {
        let by_app_role = |alias: &&Alias| alias.mount_type.as_deref() == Some(APPROLE);
        self.aliases.iter().flatten().find(by_app_role)
    }

    fn whose(&self) -> String {
        match self.tenant() {
            Some(tenant) => format!("of the tenant {tenant}"),
            None => "of no tenant".to_owned(),
        }
    }
}

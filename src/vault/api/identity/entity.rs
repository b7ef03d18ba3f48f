//! Entities (`identity/entity`).

use std::collections::{BTreeMap, BTreeSet};

use secrecy::SecretString;
use serde::Deserialize;
use serde_json::json;

use crate::vault::{
    Client,
    api::request::{delete, list, read, write},
    client::ApiRequest,
    client::Operation,
    client::VaultError,
};

/// The path at which entities are created and changed.
pub(in crate::vault) const ENTITY_PATH: &str = "identity/entity";

/// The path below which all entities are listed by their ids.
pub(in crate::vault) const ENTITY_IDS_PATH: &str = "identity/entity/id";

/// The path at which an entity is looked up by an alias.
pub(in crate::vault) const LOOKUP_PATH: &str = "identity/lookup/entity";

/// An entity.
#[derive(Deserialize)]
pub(in crate::vault) struct Entity {
    pub(in crate::vault) id: String,
    pub(in crate::vault) name: String,
    #[serde(default)]
    pub(in crate::vault) disabled: bool,
    pub(in crate::vault) metadata: Option<BTreeMap<String, String>>,
    policies: Option<BTreeSet<String>>,
    group_ids: Option<Vec<String>>,
    aliases: Option<Vec<Alias>>,
}

/// An alias of an entity.
#[derive(Deserialize)]
pub(in crate::vault) struct Alias {
    pub(in crate::vault) id: String,
    pub(in crate::vault) name: String,
    pub(in crate::vault) mount_type: Option<String>,
    mount_path: Option<String>,
}

impl Entity {
    /// Returns the entity's own policies, without those of its groups.
    pub(in crate::vault) fn policies(&self) -> impl Iterator<Item = &String> {
        self.policies.iter().flatten()
    }

    /// Returns the ids of the groups that the entity is in, directly or through another group.
    pub(in crate::vault) fn group_ids(&self) -> impl Iterator<Item = &String> {
        self.group_ids.iter().flatten()
    }

    /// Returns the entity's aliases.
    pub(in crate::vault) fn aliases(&self) -> &[Alias] {
        self.aliases.as_deref().unwrap_or_default()
    }
}

impl Alias {
    /// Returns the path of the auth method, without `auth/` and without a slash at the end.
    pub(in crate::vault) fn mount(&self) -> &str {
        let path = self.mount_path.as_deref().unwrap_or_default();
        path.strip_prefix("auth/").unwrap_or(path).trim_end_matches('/')
    }
}

/// Returns the path of an entity with this name.
pub(in crate::vault) fn path_by_name(name: &str) -> String {
    format!("identity/entity/name/{name}")
}

/// Returns the path of an entity with this id.
pub(in crate::vault) fn path_by_id(id: &str) -> String {
    format!("{ENTITY_IDS_PATH}/{id}")
}

/// Lists the ids of all entities, in one answer: Vault has no pages of them.
pub(in crate::vault) async fn list_entities(
    client: &Client,
    token: &SecretString,
) -> Result<Vec<String>, VaultError> {
    list(client, token, Operation::EntityList, ENTITY_IDS_PATH).await
}

/// Reads an entity by its name.
pub(in crate::vault) async fn read_entity_by_name(
    client: &Client,
    token: &SecretString,
    name: &str,
) -> Result<Option<Entity>, VaultError> {
    read(client, token, Operation::Admin, &path_by_name(name)).await
}

/// Reads an entity by its id.
pub(in crate::vault) async fn read_entity_by_id(
    client: &Client,
    token: &SecretString,
    id: &str,
) -> Result<Option<Entity>, VaultError> {
    read(client, token, Operation::Admin, &path_by_id(id)).await
}

/// Looks up the entity with an alias of this name at the auth method with this accessor.
pub(in crate::vault) async fn look_up_entity(
    client: &Client,
    token: &SecretString,
    alias: &str,
    mount_accessor: &str,
) -> Result<Option<Entity>, VaultError> {
    let body = json!({"alias_name": alias, "alias_mount_accessor": mount_accessor});
    client.optional_data(Operation::Admin, token, &ApiRequest::post(LOOKUP_PATH, &body)).await
}

/// Creates an entity, and returns its id. If there is one of this name, its metadata are replaced,
/// and Vault may return no id.
pub(in crate::vault) async fn create_entity(
    client: &Client,
    token: &SecretString,
    name: &str,
    metadata: &BTreeMap<String, String>,
) -> Result<Option<String>, VaultError> {
    #[derive(Deserialize)]
    struct Created {
        id: String,
    }
    let call = ApiRequest::post(ENTITY_PATH, &json!({"name": name, "metadata": metadata}));
    let answer = client.optional_data(Operation::Admin, token, &call).await?;
    Ok(answer.map(|Created { id }| id))
}

/// Replaces the whole metadata of an entity.
pub(in crate::vault) async fn write_metadata(
    client: &Client,
    token: &SecretString,
    id: &str,
    metadata: &BTreeMap<String, String>,
) -> Result<(), VaultError> {
    let body = json!({"id": id, "metadata": metadata});
    write(client, token, Operation::Admin, ENTITY_PATH, &body).await
}

/// Deletes an entity with its aliases. From then on Vault rejects its tokens.
pub(in crate::vault) async fn delete_entity(
    client: &Client,
    token: &SecretString,
    name: &str,
) -> Result<(), VaultError> {
    delete(client, token, Operation::Admin, &path_by_name(name)).await
}

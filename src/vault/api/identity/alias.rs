//! Aliases of entities (`identity/entity-alias`).

use secrecy::SecretString;
use serde_json::json;

use crate::vault::{
    Client,
    api::request::{delete, write},
    client::Operation,
    client::VaultError,
};

/// The path at which aliases are created.
pub(in crate::vault) const ALIAS_PATH: &str = "identity/entity-alias";

/// Returns the path of an alias.
pub(in crate::vault) fn path_by_id(id: &str) -> String {
    format!("{ALIAS_PATH}/id/{id}")
}

/// Creates an alias of an entity. An existing alias of this name is moved to it.
pub(in crate::vault) async fn create_alias(
    client: &Client,
    token: &SecretString,
    name: &str,
    mount_accessor: &str,
    entity_id: &str,
) -> Result<(), VaultError> {
    let body = json!({
        "name": name,
        "canonical_id": entity_id,
        "mount_accessor": mount_accessor,
    });
    write(client, token, Operation::Admin, ALIAS_PATH, &body).await
}

/// Creates an alias without an entity, for which Vault creates one, as at a first login.
pub(in crate::vault) async fn create_alias_and_entity(
    client: &Client,
    token: &SecretString,
    name: &str,
    mount_accessor: &str,
) -> Result<(), VaultError> {
    let body = json!({"name": name, "mount_accessor": mount_accessor});
    write(client, token, Operation::Admin, ALIAS_PATH, &body).await
}

/// Deletes an alias.
pub(in crate::vault) async fn delete_alias(
    client: &Client,
    token: &SecretString,
    id: &str,
) -> Result<(), VaultError> {
    delete(client, token, Operation::Admin, &path_by_id(id)).await
}

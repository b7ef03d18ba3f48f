//! Groups (`identity/group`).

use std::collections::{BTreeMap, BTreeSet};

use secrecy::SecretString;
use serde::Deserialize;
use serde_json::json;

use crate::vault::{
    Client,
    api::request::{delete, read, write},
    client::Operation,
    client::VaultError,
};

/// A group.
#[derive(Deserialize)]
pub(in crate::vault) struct IdentityGroup {
    pub(in crate::vault) policies: Option<BTreeSet<String>>,
}

/// Returns the path of a group with this name.
pub(in crate::vault) fn path_by_name(name: &str) -> String {
    format!("identity/group/name/{name}")
}

/// Returns the path of a group with this id.
pub(in crate::vault) fn path_by_id(id: &str) -> String {
    format!("identity/group/id/{id}")
}

/// Reads a group by its id.
pub(in crate::vault) async fn read_group_by_id(
    client: &Client,
    token: &SecretString,
    id: &str,
) -> Result<Option<IdentityGroup>, VaultError> {
    read(client, token, Operation::Admin, &path_by_id(id)).await
}

/// Creates a group with these members, or replaces the members and the metadata of the one of
/// this name.
pub(in crate::vault) async fn write_group(
    client: &Client,
    token: &SecretString,
    name: &str,
    metadata: &BTreeMap<String, String>,
    member_entity_ids: &[&str],
) -> Result<(), VaultError> {
    let body = json!({"metadata": metadata, "member_entity_ids": member_entity_ids});
    write(client, token, Operation::Admin, &path_by_name(name), &body).await
}

/// Deletes a group.
pub(in crate::vault) async fn delete_group(
    client: &Client,
    token: &SecretString,
    name: &str,
) -> Result<(), VaultError> {
    delete(client, token, Operation::Admin, &path_by_name(name)).await
}

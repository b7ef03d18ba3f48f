//! The entity behind a token, `identity/entity/id/`.

use std::collections::HashMap;

use secrecy::SecretString;
use serde::Deserialize;
use vaultrs::api::identity::entity::requests::ReadEntityByIdRequest;

use crate::vault::client::{Client, Consistency, Operation, VaultError};

/// The `data` of `identity/entity/id`. Vault always reports the id and whether the entity is
/// disabled; a response without them is malformed.
#[derive(Deserialize)]
pub(in crate::vault) struct TokenEntity {
    pub(in crate::vault) id: String,
    pub(in crate::vault) name: Option<String>,
    pub(in crate::vault) disabled: bool,
    metadata: Option<HashMap<String, String>>,
    aliases: Option<Vec<EntityAlias>>,
}

/// An alias of an entity: its name on an auth mount.
#[derive(Deserialize)]
pub(in crate::vault) struct EntityAlias {
    pub(in crate::vault) name: String,
    /// The path of the mount, such as `auth/userpass/`; empty if the mount was disabled.
    pub(in crate::vault) mount_path: Option<String>,
    pub(in crate::vault) mount_type: Option<String>,
}

impl TokenEntity {
    /// Returns this value of the metadata.
    pub(in crate::vault) fn metadata(&self, key: &str) -> Option<&str> {
        self.metadata.as_ref()?.get(key).map(String::as_str)
    }

    /// Returns the aliases.
    pub(in crate::vault) fn aliases(&self) -> &[EntityAlias] {
        self.aliases.as_deref().unwrap_or_default()
    }
}

/// Reads the entity with this id.
///
/// # Errors
/// An error of its own kind if there is none, as after a merge into another entity.
pub(in crate::vault) async fn read_by_id(
    client: &Client,
    requester: &SecretString,
    id: &str,
    consistency: &Consistency,
) -> Result<TokenEntity, VaultError> {
    // In a namespace the id is followed by a dot and the namespace's id.
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    if id.starts_with('.') || !id.bytes().all(is_allowed) {
        return Err(VaultError::malformed("the entity id has an unexpected character"));
    }
    let request = ReadEntityByIdRequest { id: id.to_owned() };
    let entity = client.data_with_meta(Operation::Entity, requester, consistency, request).await;
    let (entity, _): (TokenEntity, _) = entity?;
    if entity.id != id {
        return Err(VaultError::malformed("the response is about another entity"));
    }
    Ok(entity)
}

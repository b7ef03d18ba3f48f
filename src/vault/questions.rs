//! The lookup of the entity behind a token.

use std::collections::HashMap;

use vaultrs::api::identity::entity::requests::ReadEntityByIdRequest;

pub(super) use crate::vault::api::sys::CapabilitiesRequest;
use crate::vault::{
    Client,
    client::Operation,
    error::{Failure, VaultError},
    facts::EntityData,
    own_token::OwnToken,
};

/// Capability names by path.
pub(super) type CapabilitiesData = HashMap<String, Vec<String>>;

/// Returns the entity with this id; `None` if Vault has none.
pub(super) async fn entity(
    client: &Client,
    own: &OwnToken,
    id: &str,
) -> Result<Option<EntityData>, VaultError> {
    // In a namespace the id is followed by a dot and the namespace's id.
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    if id.starts_with('.') || !id.bytes().all(plain) {
        return Err(VaultError::malformed("an entity id that is none"));
    }
    let request = ReadEntityByIdRequest { id: id.to_owned() };
    let response: Result<EntityData, _> = client.data(Operation::Entity, &own.token, request).await;
    match response {
        Ok(entity) if entity.id != id => Err(VaultError::malformed("another entity")),
        Ok(entity) => Ok(Some(entity)),
        Err(error) if error.failure == Failure::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

//! The calls by which Vault is asked about a token, each with the reading of its answer.

use std::{collections::HashMap, sync::Arc};

use rustify_derive::Endpoint;
use serde::de::IgnoredAny;
use vaultrs::api::{
    identity::entity::requests::ReadEntityByIdRequest,
    token::requests::{LookupTokenRequest, LookupTokenSelfRequest},
};

use crate::{
    capabilities::Capabilities,
    token::{Spent, Token},
    vault::{
        Client,
        client::Operation,
        error::{Failure, VaultError},
        facts::{EntityData, TokenData},
        own_token::OwnToken,
    },
};

/// vaultrs has no such call.
#[derive(Endpoint)]
#[endpoint(path = "sys/capabilities", method = "POST")]
pub(super) struct CapabilitiesRequest {
    pub(super) token: String,
    pub(super) paths: Vec<String>,
}

/// What this token is; `None` if Vault refuses it.
pub(super) async fn token_data(
    client: &Client,
    own: &OwnToken,
    token: &Token,
) -> Result<Option<TokenData>, VaultError> {
    let request = LookupTokenRequest { token: token.expose().to_owned() };
    unless(Failure::Refused, client.data(Operation::Lookup, &own.token, request).await)
}

/// The entity of this id; `None` if there is none.
pub(super) async fn entity(
    client: &Client,
    own: &OwnToken,
    id: &str,
) -> Result<Option<EntityData>, VaultError> {
    // In a namespace the id has the namespace's behind a dot.
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    if id.starts_with('.') || !id.bytes().all(plain) {
        return Err(VaultError::malformed("an entity id that is none"));
    }
    let request = ReadEntityByIdRequest { id: id.to_owned() };
    let answer = client.data(Operation::Entity, &own.token, request).await;
    match unless(Failure::NotFound, answer)? {
        Some(EntityData { id: found, .. }) if found != id => {
            Err(VaultError::malformed("another entity"))
        }
        entity => Ok(entity),
    }
}

/// What this token is granted on these paths, in their order; `None` if Vault refuses it.
pub(super) async fn capabilities(
    client: &Client,
    own: &OwnToken,
    token: &Token,
    paths: &[String],
) -> Result<Option<Arc<[Capabilities]>>, VaultError> {
    let request = CapabilitiesRequest { token: token.expose().to_owned(), paths: paths.to_owned() };
    let answer = client.data(Operation::Capabilities, &own.token, request).await;
    if answer.as_ref().is_err_and(|error| error.failure == Failure::NothingGranted) {
        return Ok(Some(vec![Capabilities::NONE; paths.len()].into()));
    }
    let words: Option<CapabilitiesData> = unless(Failure::Refused, answer)?;
    words.map(|words| granted(&words, paths)).transpose()
}

/// The `data` of `sys/capabilities`: words by path, and some of them once more under another name.
pub(super) type CapabilitiesData = HashMap<String, Vec<String>>;

/// What this answer grants on each path, in their order.
pub(super) fn granted(
    words: &CapabilitiesData,
    paths: &[String],
) -> Result<Arc<[Capabilities]>, VaultError> {
    let on = |path: &String| {
        let words = words.get(path)?;
        Some(Capabilities::from_names(words.iter().map(String::as_str)))
    };
    let granted: Option<_> = paths.iter().map(on).collect();
    granted.ok_or_else(|| VaultError::malformed("a path is missing"))
}

/// Uses a token once, by letting it look itself up. Vault counts the use before it checks the token's
/// policies and before the lookup itself, so an error of either means that the use was counted: by
/// the time of the lookup another request may have ended the token with its last use.
pub(super) async fn use_once(client: &Client, token: &Token) -> Result<Spent, VaultError> {
    let request = LookupTokenSelfRequest::default();
    let used = client.data::<IgnoredAny>(Operation::Spend, token.secret(), request);
    match used.await {
        Ok(_) => Ok(Spent::One),
        Err(error) if matches!(error.failure, Failure::OwnPolicy | Failure::Refused) => {
            Ok(Spent::One)
        }
        Err(error) if error.failure == Failure::OwnToken => Ok(Spent::None),
        Err(error) => Err(error),
    }
}

/// The answer, with `None` for the failure that is an answer too.
fn unless<T>(expected: Failure, answer: Result<T, VaultError>) -> Result<Option<T>, VaultError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.failure == expected => Ok(None),
        Err(error) => Err(error),
    }
}

//! The token auth method, `auth/token/`.

use secrecy::SecretString;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::json;
use vaultrs::api::token::requests::{
    LookupTokenRequest, LookupTokenSelfRequest, RenewTokenSelfRequest,
};

use crate::{
    token::{CallerToken, UseOutcome},
    vault::client::{
        ApiRequest, Client, Consistency, FailureKind, Operation, ResponseMeta, VaultError,
    },
};

/// The `data` of `auth/token/lookup`. Has no `Debug`, since the response contains the token.
#[derive(Deserialize)]
pub(in crate::vault) struct TokenLookupData {
    pub(in crate::vault) accessor: Option<String>,
    #[serde(rename = "type")]
    pub(in crate::vault) token_type: Option<String>,
    /// Null for a batch token whose policies are all its entity's. Vault never omits the field.
    #[serde(deserialize_with = "Option::deserialize")]
    pub(in crate::vault) policies: Option<Vec<String>>,
    pub(in crate::vault) identity_policies: Option<Vec<String>>,
    pub(in crate::vault) entity_id: Option<String>,
    pub(in crate::vault) expire_time: Option<String>,
    pub(in crate::vault) ttl: Option<i64>,
    /// The lifetime that the token was issued with, in seconds.
    pub(in crate::vault) creation_ttl: Option<i64>,
    pub(in crate::vault) renewable: Option<bool>,
    pub(in crate::vault) num_uses: Option<i64>,
    pub(in crate::vault) path: Option<String>,
    pub(in crate::vault) bound_cidrs: Option<Vec<String>>,
    pub(in crate::vault) namespace_path: Option<String>,
    /// False if the token ends with the one that created it.
    pub(in crate::vault) orphan: Option<bool>,
}

/// The `data` of `auth/token/lookup-self`, as far as the service's own session needs it.
#[derive(Deserialize)]
pub(in crate::vault) struct SelfLookup {
    pub(in crate::vault) accessor: Option<String>,
    /// Null for a token that never expires.
    pub(in crate::vault) expire_time: Option<IgnoredAny>,
    /// The remaining lifetime in seconds.
    pub(in crate::vault) ttl: Option<u64>,
    #[serde(default)]
    pub(in crate::vault) renewable: bool,
    pub(in crate::vault) policies: Option<Vec<String>>,
}

/// The `auth` of a response that issues or renews a token. Has no `Debug`, since it contains the
/// token.
#[derive(Deserialize)]
pub(in crate::vault) struct TokenAuth {
    pub(in crate::vault) client_token: SecretString,
    pub(in crate::vault) accessor: Option<String>,
    pub(in crate::vault) entity_id: Option<String>,
    /// The lifetime in seconds.
    pub(in crate::vault) lease_duration: u64,
    #[serde(default)]
    pub(in crate::vault) renewable: bool,
}

/// Looks up `token` with the requester's token (`auth/token/lookup`).
///
/// # Errors
/// An error of its own kind if Vault has no such token.
pub(in crate::vault) async fn lookup(
    client: &Client,
    requester: &SecretString,
    token: &CallerToken,
    consistency: &Consistency,
) -> Result<(TokenLookupData, ResponseMeta), VaultError> {
    let request = LookupTokenRequest { token: token.expose().to_owned() };
    client.data_with_meta(Operation::Lookup, requester, consistency, request).await
}

/// Looks up the token that the request is made with (`auth/token/lookup-self`).
pub(in crate::vault) async fn lookup_self(
    client: &Client,
    token: &SecretString,
) -> Result<SelfLookup, VaultError> {
    client.data(Operation::LookupSelf, token, LookupTokenSelfRequest::default()).await
}

/// Looks up the token that the request is made with (`auth/token/lookup-self`) at the active node. Returns
/// the id of the request in Vault's audit log.
pub(in crate::vault) async fn lookup_self_at_active_node(
    client: &Client,
    token: &SecretString,
) -> Result<Option<String>, VaultError> {
    let request = LookupTokenSelfRequest::default();
    let lookup =
        client.data_with_meta(Operation::LookupSelf, token, &Consistency::ActiveNode, request);
    let (IgnoredAny, meta) = lookup.await?;
    Ok(meta.request_id)
}

/// Extends the lease of the token that the request is made with (`auth/token/renew-self`).
pub(in crate::vault) async fn renew_self(
    client: &Client,
    token: &SecretString,
) -> Result<TokenAuth, VaultError> {
    client.auth(Operation::Renew, Some(token), RenewTokenSelfRequest::default()).await
}

/// Revokes the token that the request is made with (`auth/token/revoke-self`).
pub(in crate::vault) async fn revoke_self(
    client: &Client,
    token: &SecretString,
) -> Result<(), VaultError> {
    client
        .execute(Operation::Revoke, token, &ApiRequest::post("auth/token/revoke-self", &json!({})))
        .await
}

/// Consumes one use of `token` by a lookup of itself (`auth/token/lookup-self`).
///
/// Vault counts the use before it checks the token's policies and before the lookup itself, so an
/// error of either means that the use was counted: by the time of the lookup another request may
/// have ended the token with its last use.
pub(in crate::vault) async fn consume_use(
    client: &Client,
    token: &CallerToken,
) -> Result<UseOutcome, VaultError> {
    let request = LookupTokenSelfRequest::default();
    let lookup = client.data::<IgnoredAny>(Operation::ConsumeUse, token.as_secret(), request);
    match lookup.await {
        Ok(_) => Ok(UseOutcome::Consumed),
        Err(error)
            if matches!(error.kind, FailureKind::PermissionDenied | FailureKind::TokenNotFound) =>
        {
            Ok(UseOutcome::Consumed)
        }
        Err(error) if error.kind == FailureKind::TokenRejected => Ok(UseOutcome::Exhausted),
        Err(error) => Err(error),
    }
}

//! Initialization, unsealing and leadership of a server: `sys/init`, `sys/unseal`,
//! `sys/seal-status`, `sys/leader`.

use rustify_derive::Endpoint;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use vaultrs::api::sys::requests::UnsealRequest;

use crate::vault::client::{Client, Operation, VaultError};

#[derive(Endpoint)]
#[endpoint(path = "sys/seal-status", method = "GET")]
struct SealStatusRequest {}

/// The response of `sys/seal-status` and `sys/unseal`.
#[derive(Deserialize)]
pub(in crate::vault) struct SealStatus {
    pub(in crate::vault) initialized: bool,
    pub(in crate::vault) sealed: bool,
    /// The seal type: `shamir`, or the type of an auto-unseal.
    #[serde(rename = "type")]
    pub(in crate::vault) seal_type: String,
}

/// The body of `sys/init`. That of vaultrs sends the parameters of both kinds of shares, which Vault
/// rejects.
#[derive(Endpoint)]
#[endpoint(path = "sys/init", method = "PUT")]
pub(in crate::vault) struct InitRequest {
    pub(in crate::vault) secret_shares: Option<u8>,
    pub(in crate::vault) secret_threshold: Option<u8>,
    pub(in crate::vault) recovery_shares: Option<u8>,
    pub(in crate::vault) recovery_threshold: Option<u8>,
}

/// The response of `sys/init`. Parsed as tolerantly as possible, since its keys are shown only once.
#[derive(Deserialize)]
pub(in crate::vault) struct InitResponse {
    pub(in crate::vault) keys_base64: Option<Vec<SecretString>>,
    pub(in crate::vault) recovery_keys_base64: Option<Vec<SecretString>>,
    pub(in crate::vault) root_token: SecretString,
}

#[derive(Endpoint)]
#[endpoint(path = "sys/leader", method = "GET")]
struct LeaderRequest {}

/// The response of `sys/leader`.
#[derive(Deserialize)]
pub(in crate::vault) struct LeaderStatus {
    /// True if the server itself is the leader.
    pub(in crate::vault) is_self: bool,
    /// The address of the leader; empty if there is none.
    #[serde(default)]
    pub(in crate::vault) leader_address: String,
}

/// Returns the seal status of the server (`sys/seal-status`).
pub(in crate::vault) async fn seal_status(client: &Client) -> Result<SealStatus, VaultError> {
    client.unauthenticated(Operation::Seal, SealStatusRequest {}).await
}

/// Initializes the server (`sys/init`).
pub(in crate::vault) async fn initialize(
    client: &Client,
    request: InitRequest,
) -> Result<InitResponse, VaultError> {
    client.unauthenticated(Operation::Seal, request).await
}

/// Submits one share of the unseal key (`sys/unseal`), and returns the seal status after it.
pub(in crate::vault) async fn unseal(
    client: &Client,
    share: &SecretString,
) -> Result<SealStatus, VaultError> {
    let key = Some(share.expose_secret().to_owned());
    client.unauthenticated(Operation::Seal, UnsealRequest { key, reset: None, migrate: None }).await
}

/// Returns the leader of the cluster (`sys/leader`).
pub(in crate::vault) async fn leader(client: &Client) -> Result<LeaderStatus, VaultError> {
    client.unauthenticated(Operation::Seal, LeaderRequest {}).await
}

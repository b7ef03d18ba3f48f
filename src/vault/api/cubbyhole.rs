//! The storage of each token, `cubbyhole/`, which ends with the token.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::request::{read, write};
use crate::vault::{Client, client::Operation, client::VaultError};

/// The path of the state of refresh tokens.
const REFRESH_STATE: &str = "cubbyhole/vault-auth-validator";

/// The state of the refresh tokens that have the same token of Vault.
#[derive(Serialize, Deserialize)]
pub(in crate::vault) struct StoredRefreshState {
    /// The number of the newest generation.
    pub(in crate::vault) generation: u64,
    /// The time at which it began, in milliseconds since 1970.
    pub(in crate::vault) since: i64,
}

/// Reads the state that is kept with this token.
pub(in crate::vault) async fn read_refresh_state(
    client: &Client,
    token: &SecretString,
) -> Result<Option<StoredRefreshState>, VaultError> {
    read(client, token, Operation::RefreshState, REFRESH_STATE).await
}

/// Writes the state that is kept with this token.
pub(in crate::vault) async fn write_refresh_state(
    client: &Client,
    token: &SecretString,
    state: &StoredRefreshState,
) -> Result<(), VaultError> {
    write(client, token, Operation::RefreshState, REFRESH_STATE, state).await
}

//! Logins (`auth/MOUNT/login`).

use secrecy::{ExposeSecret, SecretString};
use vaultrs::api::auth::approle::requests::LoginWithApproleRequest;

use super::token::TokenAuth;
use crate::vault::client::{Client, Operation, VaultError};

/// The mount of the `AppRole` auth method.
pub(in crate::vault) const APPROLE_MOUNT: &str = "approle";

/// Logs in with a role id and a secret id at the `AppRole` method that is mounted at `auth/{mount}`.
pub(in crate::vault) async fn log_in_with_approle(
    client: &Client,
    mount: &str,
    role_id: &str,
    secret_id: &SecretString,
) -> Result<TokenAuth, VaultError> {
    let request = LoginWithApproleRequest {
        mount: mount.to_owned(),
        role_id: role_id.to_owned(),
        secret_id: secret_id.expose_secret().to_owned(),
    };
    client.auth(Operation::Login, None, request).await
}

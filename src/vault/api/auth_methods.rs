//! Auth methods (`sys/auth`).

use secrecy::SecretString;
use serde_json::Value;

use super::mounts::MountTable;
use crate::vault::{
    Client, api::request::write, client::ApiRequest, client::Operation, client::VaultError,
};

/// Lists the auth methods.
pub(in crate::vault) async fn list_auth_methods(
    client: &Client,
    token: &SecretString,
) -> Result<MountTable, VaultError> {
    client.data(Operation::Admin, token, &ApiRequest::get("sys/auth")).await
}

/// Enables an auth method.
pub(in crate::vault) async fn enable_auth_method(
    client: &Client,
    token: &SecretString,
    path: &str,
    body: &Value,
) -> Result<(), VaultError> {
    write(client, token, Operation::Admin, &format!("sys/auth/{path}"), body).await
}

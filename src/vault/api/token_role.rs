//! Token roles (`auth/token/roles/NAME`), and tokens created by them.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::request::{delete, write};
use crate::vault::{Client, client::ApiRequest, client::Operation, client::VaultError};

/// The parameters of a token role.
#[derive(Serialize)]
pub(in crate::vault) struct TokenRole {
    pub(in crate::vault) allowed_policies: Vec<String>,
    /// May contain globs.
    pub(in crate::vault) allowed_entity_aliases: Vec<String>,
    pub(in crate::vault) orphan: bool,
    pub(in crate::vault) renewable: bool,
    pub(in crate::vault) token_type: &'static str,
}

/// The parameters of a token that is created by a role.
#[derive(Serialize)]
pub(in crate::vault) struct TokenParameters {
    pub(in crate::vault) policies: Vec<String>,
    pub(in crate::vault) no_default_policy: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::vault) entity_alias: Option<String>,
    pub(in crate::vault) ttl: &'static str,
}

/// Returns the path of a token role.
pub(in crate::vault) fn role_path(name: &str) -> String {
    format!("auth/token/roles/{name}")
}

/// Creates or replaces a token role.
pub(in crate::vault) async fn write_role(
    client: &Client,
    token: &SecretString,
    name: &str,
    role: &TokenRole,
) -> Result<(), VaultError> {
    write(client, token, Operation::Admin, &role_path(name), role).await
}

/// Deletes a token role.
pub(in crate::vault) async fn delete_role(
    client: &Client,
    token: &SecretString,
    name: &str,
) -> Result<(), VaultError> {
    delete(client, token, Operation::Admin, &role_path(name)).await
}

/// Creates a token by a role.
pub(in crate::vault) async fn create_token(
    client: &Client,
    token: &SecretString,
    role: &str,
    parameters: &TokenParameters,
) -> Result<SecretString, VaultError> {
    #[derive(Deserialize)]
    struct Auth {
        client_token: SecretString,
    }
    let call = ApiRequest::post(format!("auth/token/create/{role}"), parameters);
    let answer = client.auth(Operation::Admin, Some(token), &call).await;
    answer.map(|Auth { client_token }| client_token)
}

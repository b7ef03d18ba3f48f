//! The auth method `approle`, at `auth/approle/`.

use std::{collections::BTreeSet, time::Duration};

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::request::{delete, list, read, write};
use crate::vault::{Client, client::ApiRequest, client::Operation, client::VaultError};

/// The type of the auth method, and the path at which services log in.
pub(in crate::vault) const APPROLE: &str = "approle";

/// An AppRole (`auth/approle/role/NAME`).
#[derive(Deserialize)]
pub(in crate::vault) struct AppRole {
    token_policies: Option<BTreeSet<String>>,
    /// In seconds.
    #[serde(default)]
    pub(in crate::vault) token_period: u64,
    #[serde(default)]
    pub(in crate::vault) token_no_default_policy: bool,
    #[serde(default)]
    pub(in crate::vault) bind_secret_id: bool,
}

impl AppRole {
    /// Returns the policies of its tokens.
    pub(in crate::vault) fn policies(&self) -> BTreeSet<String> {
        self.token_policies.clone().unwrap_or_default()
    }
}

/// Returns the path of an AppRole.
pub(in crate::vault) fn role_path(name: &str) -> String {
    format!("auth/{APPROLE}/role/{name}")
}

/// Returns the path of the role id of an AppRole.
pub(in crate::vault) fn role_id_path(name: &str) -> String {
    format!("auth/{APPROLE}/role/{name}/role-id")
}

/// Returns the path of the secret ids of an AppRole.
pub(in crate::vault) fn secret_id_path(name: &str) -> String {
    format!("auth/{APPROLE}/role/{name}/secret-id")
}

/// Lists the names of all roles of the auth method.
pub(in crate::vault) async fn list_roles(
    client: &Client,
    token: &SecretString,
) -> Result<Vec<String>, VaultError> {
    list(client, token, Operation::Admin, &format!("auth/{APPROLE}/role")).await
}

/// Reads an AppRole.
pub(in crate::vault) async fn read_role(
    client: &Client,
    token: &SecretString,
    name: &str,
) -> Result<Option<AppRole>, VaultError> {
    read(client, token, Operation::Admin, &role_path(name)).await
}

/// Creates an AppRole, or changes the parameters of `body` in it.
pub(in crate::vault) async fn write_role(
    client: &Client,
    token: &SecretString,
    name: &str,
    body: &impl Serialize,
) -> Result<(), VaultError> {
    write(client, token, Operation::Admin, &role_path(name), body).await
}

/// Deletes an AppRole with its secret ids. Its tokens stay valid until they expire.
pub(in crate::vault) async fn delete_role(
    client: &Client,
    token: &SecretString,
    name: &str,
) -> Result<(), VaultError> {
    delete(client, token, Operation::Admin, &role_path(name)).await
}

/// Reads the role id of an AppRole.
pub(in crate::vault) async fn read_role_id(
    client: &Client,
    token: &SecretString,
    name: &str,
) -> Result<Option<String>, VaultError> {
    #[derive(Deserialize)]
    struct RoleId {
        role_id: String,
    }
    let answer = read(client, token, Operation::Admin, &role_id_path(name)).await?;
    Ok(answer.map(|RoleId { role_id }| role_id))
}

/// Creates a secret id.
pub(in crate::vault) async fn create_secret_id(
    client: &Client,
    token: &SecretString,
    role: &str,
) -> Result<SecretString, VaultError> {
    #[derive(Deserialize)]
    struct SecretId {
        secret_id: SecretString,
    }
    let call = ApiRequest::post(secret_id_path(role), &json!({}));
    let answer = client.data(Operation::Admin, token, &call).await;
    answer.map(|SecretId { secret_id }| secret_id)
}

/// Creates a secret id, and returns the token that it is wrapped in for this time.
pub(in crate::vault) async fn create_wrapped_secret_id(
    client: &Client,
    token: &SecretString,
    role: &str,
    wrap_ttl: Duration,
) -> Result<SecretString, VaultError> {
    let call = ApiRequest::post(secret_id_path(role), &json!({}));
    client.wrapping_token(Operation::Admin, token, &call, wrap_ttl).await
}

/// Lists the accessors of the secret ids of an AppRole.
pub(in crate::vault) async fn list_secret_ids(
    client: &Client,
    token: &SecretString,
    role: &str,
) -> Result<Vec<String>, VaultError> {
    list(client, token, Operation::Admin, &secret_id_path(role)).await
}

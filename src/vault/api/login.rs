//! Logins (`auth/MOUNT/login`).

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use vaultrs::api::auth::approle::requests::LoginWithApproleRequest;

use super::{login_auth::LoginAuth, request::checked, token::TokenAuth};
use crate::vault::client::{ApiRequest, Client, Operation, VaultError};

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

/// Logs a person in with a user name and a password at the method `userpass` or `ldap` that is
/// mounted at `auth/{mount}` (`auth/MOUNT/login/NAME`).
///
/// The response is never wrapped: OpenBao 2.7 closes the connection if such a login needs MFA.
pub(in crate::vault) async fn log_in_with_password(
    client: &Client,
    mount: &str,
    name: &str,
    password: &SecretString,
) -> Result<LoginAuth, VaultError> {
    #[derive(Serialize)]
    struct Password<'a> {
        password: &'a str,
    }
    let path = format!("auth/{mount}/login/{name}");
    let body = Password { password: password.expose_secret() };
    client.auth(Operation::UserLogin, None, &ApiRequest::post(checked(&path)?, &body)).await
}

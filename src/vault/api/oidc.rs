//! The auth method `oidc`: logins at an `OpenID` provider.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::{login_auth::LoginAuth, request::checked};
use crate::{
    login::OidcCallback,
    vault::client::{ApiRequest, Client, Operation, VaultError},
};

/// The `data` of `auth/MOUNT/oidc/auth_url`.
#[derive(Deserialize)]
struct AuthUrl {
    auth_url: String,
}

/// Starts a login (`auth/MOUNT/oidc/auth_url`) and returns the address at the provider; `None` if
/// Vault does not say why there is none: the role does not allow this `redirect_uri` or is not for
/// OIDC, or Vault does not reach the provider.
pub(in crate::vault) async fn auth_url(
    client: &Client,
    mount: &str,
    role: Option<&str>,
    redirect_uri: &str,
    client_nonce: &SecretString,
) -> Result<Option<String>, VaultError> {
    #[derive(Serialize)]
    struct Login<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        role: Option<&'a str>,
        redirect_uri: &'a str,
        client_nonce: &'a str,
    }
    let path = format!("auth/{mount}/oidc/auth_url");
    let body = Login { role, redirect_uri, client_nonce: client_nonce.expose_secret() };
    let request = ApiRequest::post(checked(&path)?, &body);
    let AuthUrl { auth_url } = client.data_without_token(Operation::OidcStart, &request).await?;
    Ok((!auth_url.is_empty()).then_some(auth_url))
}

/// Completes a login (`auth/MOUNT/oidc/callback`). Vault drops the state, whatever the result is.
///
/// The URL with the code stays in memory until it is overwritten. By then the code has been used.
pub(in crate::vault) async fn callback(
    client: &Client,
    mount: &str,
    callback: &OidcCallback,
) -> Result<LoginAuth, VaultError> {
    let path = format!("auth/{mount}/oidc/callback");
    let request = ApiRequest::get(checked(&path)?).with_query(&[
        ("state", callback.state.expose_secret()),
        ("code", callback.code.expose_secret()),
        ("client_nonce", callback.client_nonce.expose_secret()),
    ]);
    client.auth(Operation::OidcCallback, None, &request).await
}

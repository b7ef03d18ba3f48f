//! The auth method `oidc`: logins at an `OpenID` provider.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::{
    login_auth::LoginAuth,
    request::{checked, read},
};
use crate::{
    login::OidcCallback,
    vault::client::{ApiRequest, Client, Operation, VaultError},
};

/// The `data` of `auth/MOUNT/oidc/auth_url`.
#[derive(Deserialize)]
struct AuthUrl {
    auth_url: String,
}

/// A role (`auth/MOUNT/role/NAME`), as far as logins in a browser depend on it.
#[derive(Clone, Debug, Deserialize)]
pub struct OidcRole {
    #[serde(default)]
    allowed_redirect_uris: Option<Vec<String>>,
    /// The lifetime of its tokens, in seconds; 0 for that of the mount.
    #[serde(default)]
    pub token_ttl: u64,
    /// The maximum lifetime of its tokens, in seconds; 0 for that of the mount.
    #[serde(default)]
    pub token_max_ttl: u64,
    /// The type of its tokens; `default` for that of the mount.
    #[serde(default)]
    pub token_type: String,
    /// True if its tokens do not have the policy `default`.
    #[serde(default)]
    pub token_no_default_policy: bool,
}

impl OidcRole {
    /// Returns true if the provider may return to this URL.
    #[must_use]
    pub fn allows_redirect_to(&self, url: &str) -> bool {
        self.allowed_redirect_uris.iter().flatten().any(|allowed| allowed == url)
    }
}

/// Reads a role.
pub(in crate::vault) async fn read_role(
    client: &Client,
    token: &SecretString,
    mount: &str,
    name: &str,
) -> Result<Option<OidcRole>, VaultError> {
    read(client, token, Operation::Admin, &format!("auth/{mount}/role/{name}")).await
}

/// Reads the name of the role of logins without one; `None` if there is none.
pub(in crate::vault) async fn read_default_role(
    client: &Client,
    token: &SecretString,
    mount: &str,
) -> Result<Option<String>, VaultError> {
    #[derive(Deserialize)]
    struct Config {
        #[serde(default)]
        default_role: String,
    }
    let path = format!("auth/{mount}/config");
    let config: Option<Config> = read(client, token, Operation::Admin, &path).await?;
    Ok(config.map(|config| config.default_role).filter(|role| !role.is_empty()))
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

use std::{collections::BTreeMap, fmt};

use secrecy::SecretString;
use serde::{Deserialize, de::IgnoredAny};
use vaultrs::api::token::requests::LookupTokenSelfRequest;

use super::OperatorClient;
use crate::{
    token::CallerToken,
    vault::{
        Client, Mount, OidcRole, TransitKey, VaultSession,
        api::{
            audit_devices::list_audit_devices,
            auth_methods::list_auth_methods,
            mounts::list_mounts,
            oidc,
            sys::capabilities::{capabilities, capabilities_self},
            transit,
        },
        client::Operation,
        client::{Consistency, FailureKind, VaultError},
    },
};

/// Reads how Vault is set up, for diagnostics. It changes nothing.
pub struct Inspector<'s> {
    operator: OperatorClient<'s>,
}

/// The error of a read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InspectError {
    /// Vault rejects the token, or its policies do not allow the read.
    PermissionDenied(String),
    /// No response, or a response that cannot be parsed.
    Failed(String),
}

/// The token of the session, as Vault describes it.
#[derive(Clone, Debug, Deserialize)]
pub struct TokenDetails {
    #[serde(default)]
    policies: Option<Vec<String>>,
    #[serde(default)]
    identity_policies: Option<Vec<String>>,
    /// The remaining lifetime, in seconds.
    pub ttl: u64,
    /// The lifetime after each renewal, in seconds, without a maximum; `None` for a token that is
    /// not periodic.
    pub period: Option<u64>,
    /// True if the token can be renewed.
    #[serde(default)]
    pub renewable: bool,
    /// Null for a token that does not expire.
    expire_time: Option<IgnoredAny>,
}

impl TokenDetails {
    /// Returns the token's policies, including those of its entity.
    pub fn policies(&self) -> impl Iterator<Item = &str> {
        self.policies.iter().chain(&self.identity_policies).flatten().map(String::as_str)
    }

    /// Returns true if the token expires.
    #[must_use]
    pub fn expires(&self) -> bool {
        self.expire_time.is_some()
    }
}

impl<'s> Inspector<'s> {
    /// Reads with the token of this session.
    #[must_use]
    pub fn new(session: &'s VaultSession) -> Self {
        Self { operator: OperatorClient { session } }
    }

    /// Looks up the token of the session.
    ///
    /// # Errors
    /// [`InspectError`]
    pub async fn token(&self) -> Result<TokenDetails, InspectError> {
        let request = LookupTokenSelfRequest::default();
        let lookup = async |client: &Client, token: &SecretString| {
            client.data(Operation::Admin, token, request).await
        };
        Ok(self.operator.call(lookup).await?)
    }

    /// Returns the capabilities of the token on each of these paths, in the order of the paths.
    ///
    /// # Errors
    /// [`InspectError`]
    pub async fn capabilities_of_token(
        &self,
        paths: &[String],
    ) -> Result<Vec<Vec<String>>, InspectError> {
        let own = async |client: &Client, token: &SecretString| {
            capabilities_self(client, token, paths).await
        };
        let by_token = async |client: &Client, token: &SecretString| {
            let own = CallerToken::from(token.clone());
            capabilities(client, token, &own, paths, &Consistency::NotOlderThanSeen).await
        };
        // The policy `default` allows the first, the policy `validator` the second.
        let response = match self.operator.call(own).await {
            Err(error) if error.kind == FailureKind::PermissionDenied => {
                self.operator.call(by_token).await?
            }
            response => response?,
        };
        let on = |path: &String| response.names(path).map(<[String]>::to_vec);
        let granted: Option<Vec<_>> = paths.iter().map(on).collect();
        granted.ok_or_else(|| VaultError::malformed("a path is missing").into())
    }

    /// Returns the secrets engines by path. The paths end in a slash.
    ///
    /// # Errors
    /// [`InspectError`]
    pub async fn mounts(&self) -> Result<BTreeMap<String, Mount>, InspectError> {
        Ok(self.operator.call(list_mounts).await?)
    }

    /// Returns the auth methods by path. The paths end in a slash.
    ///
    /// # Errors
    /// [`InspectError`]
    pub async fn auth_methods(&self) -> Result<BTreeMap<String, Mount>, InspectError> {
        Ok(self.operator.call(list_auth_methods).await?)
    }

    /// Returns a role of the auth method `oidc` at this mount; `None` if there is none of this name.
    ///
    /// # Errors
    /// [`InspectError`]
    pub async fn oidc_role(
        &self,
        mount: &str,
        name: &str,
    ) -> Result<Option<OidcRole>, InspectError> {
        let read = async |client: &Client, token: &SecretString| {
            oidc::read_role(client, token, mount, name).await
        };
        Ok(self.operator.call(read).await?)
    }

    /// Returns the default role of the auth method `oidc` at this mount; `None` if it has none.
    ///
    /// # Errors
    /// [`InspectError`]
    pub async fn default_oidc_role(&self, mount: &str) -> Result<Option<String>, InspectError> {
        let read = async |client: &Client, token: &SecretString| {
            oidc::read_default_role(client, token, mount).await
        };
        Ok(self.operator.call(read).await?)
    }

    /// Returns the audit devices by path. The paths end in a slash.
    ///
    /// # Errors
    /// [`InspectError`]
    pub async fn audit_devices(&self) -> Result<BTreeMap<String, Mount>, InspectError> {
        Ok(self.operator.call(list_audit_devices).await?)
    }

    /// Returns the names of the keys of a transit engine.
    ///
    /// # Errors
    /// [`InspectError`]
    pub async fn keys(&self, mount: &str) -> Result<Vec<String>, InspectError> {
        let list = async |client: &Client, token: &SecretString| {
            transit::list_keys(client, token, mount).await
        };
        Ok(self.operator.call(list).await?)
    }

    /// Returns a key of a transit engine.
    ///
    /// # Errors
    /// [`InspectError`], also if there is no key of this name.
    pub async fn key(&self, mount: &str, name: &str) -> Result<TransitKey, InspectError> {
        let read = async |client: &Client, token: &SecretString| {
            transit::read_key(client, token, mount, name).await
        };
        let key = self.operator.call(read).await?;
        key.ok_or_else(|| InspectError::Failed(format!("there is no key {name} in {mount}/")))
    }
}

impl From<VaultError> for InspectError {
    fn from(error: VaultError) -> Self {
        match error.kind {
            FailureKind::PermissionDenied | FailureKind::TokenRejected => {
                Self::PermissionDenied(error.detail().to_owned())
            }
            _ => Self::Failed(error.to_string()),
        }
    }
}

impl fmt::Display for InspectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::PermissionDenied(reason) | Self::Failed(reason)) = self;
        f.write_str(reason)
    }
}

impl std::error::Error for InspectError {}

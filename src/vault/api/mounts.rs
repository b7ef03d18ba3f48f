//! Secrets engines (`sys/mounts`).

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;

use crate::vault::{
    Client, api::request::write, client::ApiRequest, client::Operation, client::VaultError,
};

/// A secrets engine, an auth method or an audit device, in Vault's list of them.
#[derive(Clone, Debug, Deserialize)]
pub struct Mount {
    /// Its type, such as `kv`.
    #[serde(rename = "type")]
    pub kind: String,
    options: Option<HashMap<String, Option<String>>>,
    pub(in crate::vault) accessor: Option<String>,
    /// The configuration of the mount.
    #[serde(default)]
    pub config: MountConfig,
}

/// The configuration of a mount, as far as logins depend on it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct MountConfig {
    /// The lifetime of its tokens, in seconds; 0 for the default of the server.
    #[serde(default)]
    pub default_lease_ttl: u64,
    /// The maximum lifetime of its tokens, in seconds; 0 for the maximum of the server.
    #[serde(default)]
    pub max_lease_ttl: u64,
    /// The type of its tokens, such as `default-service`.
    #[serde(default)]
    pub token_type: String,
    /// The lockout of users after failed logins; `None` for the default of the server.
    pub user_lockout_config: Option<UserLockoutConfig>,
}

/// The lockout of users after failed logins.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct UserLockoutConfig {
    /// The number of failures; 0 for the default of the server, 5.
    #[serde(rename = "user_lockout_threshold", default)]
    pub threshold: u64,
    /// True if users are not locked.
    #[serde(rename = "user_lockout_disable", default)]
    pub is_disabled: bool,
}

/// Mounts by their paths, which end in a slash.
pub(in crate::vault) type MountTable = BTreeMap<String, Mount>;

impl MountConfig {
    /// Describes the lifetimes of its tokens; `None` if the mount has none of its own.
    #[must_use]
    pub fn lifetimes(&self) -> Option<String> {
        let [ttl, max_ttl] = [self.default_lease_ttl, self.max_lease_ttl].map(|seconds| {
            let duration = humantime::format_duration(Duration::from_secs(seconds));
            (seconds > 0).then(|| duration.to_string())
        });
        match (ttl, max_ttl) {
            (None, None) => None,
            (Some(ttl), None) => Some(format!("tokens for {ttl}, renewed up to Vault's maximum")),
            (None, Some(max_ttl)) => Some(format!("tokens for at most {max_ttl}")),
            (Some(ttl), Some(max_ttl)) => {
                Some(format!("tokens for {ttl}, renewed for up to {max_ttl}"))
            }
        }
    }
}

impl Mount {
    /// Returns the version of a KV engine.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        self.option("version")
    }

    /// Returns the value of an option.
    pub(in crate::vault) fn option(&self, name: &str) -> Option<&str> {
        self.options.as_ref()?.get(name)?.as_deref()
    }
}

/// Lists the secrets engines.
pub(in crate::vault) async fn list_mounts(
    client: &Client,
    token: &SecretString,
) -> Result<MountTable, VaultError> {
    client.data(Operation::Admin, token, &ApiRequest::get("sys/mounts")).await
}

/// Reads the mount that a path is in (`sys/internal/ui/mounts/PATH`). Every token with a capability
/// in the mount may do that.
pub(in crate::vault) async fn read_visible_mount(
    client: &Client,
    token: &SecretString,
    path: &str,
) -> Result<Mount, VaultError> {
    let call = ApiRequest::get(format!("sys/internal/ui/mounts/{path}"));
    client.data(Operation::Mount, token, &call).await
}

/// Mounts a secrets engine.
pub(in crate::vault) async fn enable_engine(
    client: &Client,
    token: &SecretString,
    path: &str,
    body: &Value,
) -> Result<(), VaultError> {
    write(client, token, Operation::Admin, &format!("sys/mounts/{path}"), body).await
}

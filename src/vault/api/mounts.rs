//! Secrets engines (`sys/mounts`).

use std::collections::{BTreeMap, HashMap};

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
}

/// Mounts by their paths, which end in a slash.
pub(in crate::vault) type MountTable = BTreeMap<String, Mount>;

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

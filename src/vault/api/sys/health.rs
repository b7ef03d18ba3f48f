//! The health of a server, `sys/health`.

use serde::Deserialize;
use serde_json::json;
use vaultrs::api::sys::requests::ReadHealthRequest;

use crate::vault::client::{Address, ApiRequest, Client, Operation, VaultError};

/// The response of `sys/health`.
#[derive(Clone, Debug, Deserialize)]
pub struct HealthResponse {
    /// True if the server has been initialized.
    pub initialized: bool,
    /// True if the server is sealed.
    pub sealed: bool,
    /// True if another node is the active one.
    #[serde(default)]
    pub standby: bool,
    /// The version of the server.
    #[serde(default)]
    pub version: String,
    /// Present in HashiCorp Vault's response only.
    performance_standby: Option<bool>,
    /// The server's clock, in seconds since 1970.
    pub(in crate::vault) server_time_utc: Option<i64>,
}

/// The implementation of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Product {
    /// HashiCorp Vault.
    Vault,
    /// The Linux Foundation's OpenBao.
    OpenBao,
}

impl HealthResponse {
    /// Returns the implementation, as far as the response tells it.
    #[must_use]
    pub fn product(&self) -> Product {
        if self.performance_standby.is_some() { Product::Vault } else { Product::OpenBao }
    }
}

/// Returns the health of the server, whether it is active or a standby.
pub(in crate::vault) async fn health(client: &Client) -> Result<HealthResponse, VaultError> {
    let standbys_too = [("standbyok", "true"), ("perfstandbyok", "true")];
    let request = ApiRequest::get("sys/health").with_query(&standbys_too);
    client.unauthenticated(Operation::Health, &request).await
}

/// Returns the status of `sys/health` at this address, which depends on the state of the server: 200 if it is
/// active, 429 a standby, 473 a performance standby, 501 not initialized, 503 sealed.
pub(in crate::vault) async fn health_status(
    client: &Client,
    address: &Address,
) -> Result<u16, VaultError> {
    client.status(address, Operation::Health, ReadHealthRequest::default()).await
}

/// Sends a request that Vault rejects for want of a token, and returns the status. A standby that
/// does not forward requests redirects it instead.
pub(in crate::vault) async fn forwarding_status(
    client: &Client,
    address: &Address,
) -> Result<u16, VaultError> {
    client
        .status(address, Operation::Health, &ApiRequest::post("sys/capabilities", &json!({})))
        .await
}

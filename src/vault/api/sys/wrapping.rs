//! Response wrapping, `sys/wrapping/`.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use vaultrs::api::sys::requests::{UnwrapRequest, WrappingLookupRequest};

use crate::vault::client::{ApiRequest, Client, FailureKind, Operation, VaultError};

/// The path at which a caller wraps data of its own.
pub(in crate::vault) const WRAP: &str = "sys/wrapping/wrap";

/// The `data` of `sys/wrapping/lookup`.
#[derive(Deserialize)]
pub(in crate::vault) struct WrappingLookup {
    /// The path of the request whose response is wrapped.
    pub(in crate::vault) creation_path: String,
}

/// Wraps data (`sys/wrapping/wrap`) and returns the wrapping token, which is valid for `ttl`.
pub(in crate::vault) async fn wrap(
    client: &Client,
    operation: Operation,
    token: &SecretString,
    data: &impl Serialize,
    ttl: Duration,
) -> Result<SecretString, VaultError> {
    client.wrapping_token(operation, token, &ApiRequest::post(WRAP, data), ttl).await
}

/// Looks up a wrapping token with itself (`sys/wrapping/lookup`), which does not use it up.
pub(in crate::vault) async fn lookup(
    client: &Client,
    operation: Operation,
    wrapping_token: &SecretString,
) -> Result<WrappingLookup, VaultError> {
    let request = WrappingLookupRequest { token: wrapping_token.expose_secret().to_owned() };
    let data = client.optional_data(operation, wrapping_token, request).await?;
    data.ok_or_else(used_meanwhile)
}

/// Returns the `data` of the response that this token wraps (`sys/wrapping/unwrap`), which uses the
/// token up.
pub(in crate::vault) async fn unwrap<T: DeserializeOwned>(
    client: &Client,
    operation: Operation,
    wrapping_token: &SecretString,
) -> Result<T, VaultError> {
    let request = UnwrapRequest { token: None };
    let data = client.optional_data(operation, wrapping_token, request).await?;
    data.ok_or_else(used_meanwhile)
}

/// Returns the error of a 204 without data, which Vault sends if another request uses the wrapping
/// token at that moment.
fn used_meanwhile() -> VaultError {
    VaultError::new(FailureKind::WrappingTokenInvalid, "it is being used by another request")
}

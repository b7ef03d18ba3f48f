//! Response wrapping, `sys/wrapping/`.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, de::DeserializeOwned};
use vaultrs::api::sys::requests::{UnwrapRequest, WrappingLookupRequest};

use crate::vault::client::{Client, Operation, VaultError};

/// The `data` of `sys/wrapping/lookup`.
#[derive(Deserialize)]
pub(in crate::vault) struct WrappingLookup {
    /// The path of the request whose response is wrapped.
    pub(in crate::vault) creation_path: String,
}

/// Looks up a wrapping token with itself (`sys/wrapping/lookup`), which does not use it up.
pub(in crate::vault) async fn lookup(
    client: &Client,
    wrapping_token: &SecretString,
) -> Result<WrappingLookup, VaultError> {
    let request = WrappingLookupRequest { token: wrapping_token.expose_secret().to_owned() };
    client.data(Operation::Unwrap, wrapping_token, request).await
}

/// Returns the `data` of the response that this token wraps (`sys/wrapping/unwrap`), which uses the
/// token up.
pub(in crate::vault) async fn unwrap<T: DeserializeOwned>(
    client: &Client,
    wrapping_token: &SecretString,
) -> Result<T, VaultError> {
    client.data(Operation::Unwrap, wrapping_token, UnwrapRequest { token: None }).await
}

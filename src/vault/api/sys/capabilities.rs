//! The capabilities of a token, `sys/capabilities`.

use std::{collections::HashMap, sync::Arc};

use rustify_derive::Endpoint;
use secrecy::SecretString;
use serde::Deserialize;

use crate::{
    capabilities::Capabilities,
    token::CallerToken,
    vault::client::{Client, Consistency, FailureKind, Operation, VaultError},
};

/// The body of `sys/capabilities`, which vaultrs does not have.
#[derive(Endpoint)]
#[endpoint(path = "sys/capabilities", method = "POST")]
struct CapabilitiesRequest {
    token: String,
    paths: Vec<String>,
}

/// The body of `sys/capabilities-self`, which vaultrs does not have.
#[derive(Endpoint)]
#[endpoint(path = "sys/capabilities-self", method = "POST")]
struct CapabilitiesSelfRequest {
    paths: Vec<String>,
}

/// The `data` of `sys/capabilities` and `sys/capabilities-self`: capability names by path. Some
/// paths appear a second time under another key.
#[derive(Deserialize)]
#[serde(transparent)]
pub(in crate::vault) struct CapabilitiesResponse {
    names_by_path: HashMap<String, Vec<String>>,
}

impl CapabilitiesResponse {
    /// Returns the capability names granted on `path`, or `None` if the response lacks the path.
    pub(in crate::vault) fn names(&self, path: &str) -> Option<&[String]> {
        self.names_by_path.get(path).map(Vec::as_slice)
    }

    /// Returns the capabilities granted on each of `paths`, in their order.
    ///
    /// # Errors
    /// If the response lacks one of the paths.
    pub(in crate::vault) fn on_each(
        &self,
        paths: &[String],
    ) -> Result<Arc<[Capabilities]>, VaultError> {
        let on = |path: &String| {
            Some(Capabilities::from_names(self.names(path)?.iter().map(String::as_str)))
        };
        let capabilities: Option<_> = paths.iter().map(on).collect();
        capabilities.ok_or_else(|| VaultError::malformed("a path is missing"))
    }
}

/// Returns what `token` is granted on `paths`, read with the requester's token
/// (`sys/capabilities`). A token for which Vault cannot evaluate its policies has no capabilities.
///
/// # Errors
/// An error of its own kind if Vault has no such token.
pub(in crate::vault) async fn capabilities(
    client: &Client,
    requester: &SecretString,
    token: &CallerToken,
    paths: &[String],
    consistency: &Consistency,
) -> Result<CapabilitiesResponse, VaultError> {
    let request = CapabilitiesRequest { token: token.expose().to_owned(), paths: paths.to_vec() };
    let operation = Operation::Capabilities;
    let response = client.data_with_meta(operation, requester, consistency, request).await;
    if response.as_ref().is_err_and(|error| error.kind == FailureKind::NoCapabilities) {
        let names_by_path = paths.iter().map(|path| (path.clone(), Vec::new())).collect();
        return Ok(CapabilitiesResponse { names_by_path });
    }
    response.map(|(response, _)| response)
}

/// Returns what the token that the request is made with is granted on `paths`
/// (`sys/capabilities-self`). Vault's policy `default` permits it.
pub(in crate::vault) async fn capabilities_self(
    client: &Client,
    token: &SecretString,
    paths: &[String],
) -> Result<CapabilitiesResponse, VaultError> {
    let request = CapabilitiesSelfRequest { paths: paths.to_vec() };
    client.data(Operation::Admin, token, request).await
}

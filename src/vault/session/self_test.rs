//! The check of the service's own token after a login: a missing policy is reported at once and by
//! name, instead of failing the request of a caller.

use super::service_token::ServiceToken;
use crate::{
    capabilities::Capabilities,
    vault::{
        api::sys::capabilities::capabilities,
        client::{Client, Consistency, FailureKind, VaultError},
    },
};

/// The capabilities that requests depend on, as `policies/validator.hcl` grants them.
pub const REQUIRED_CAPABILITIES: [(&str, Capabilities); 3] = [
    ("auth/token/lookup", Capabilities::UPDATE),
    ("identity/entity/id/00000000-0000-0000-0000-000000000000", Capabilities::READ),
    ("sys/capabilities", Capabilities::UPDATE),
];

/// Checks that this token has the needed capabilities.
///
/// # Errors
/// A denied permission, with the missing capabilities.
pub(super) async fn check_capabilities(
    client: &Client,
    own: &ServiceToken,
) -> Result<(), VaultError> {
    let paths: Vec<String> =
        REQUIRED_CAPABILITIES.iter().map(|(path, _)| (*path).to_owned()).collect();
    let consistency = Consistency::NotOlderThanSeen;
    let response = capabilities(client, &own.token, &own.to_token(), &paths, &consistency).await;
    let granted = match response.and_then(|response| response.on_each(&paths)) {
        Ok(granted) => granted,
        Err(error) if error.kind == FailureKind::TokenNotFound => {
            return Err(VaultError::new(FailureKind::TokenRejected, "it has just been issued"));
        }
        Err(error) if error.kind == FailureKind::PermissionDenied => {
            return Err(missing_capabilities("update on sys/capabilities"));
        }
        Err(error) => return Err(error),
    };
    let missing: Vec<String> = REQUIRED_CAPABILITIES
        .iter()
        .zip(granted.iter())
        .filter(|((_, needed), granted)| !granted.has_any(*needed))
        .map(|((path, needed), _)| format!("{} on {path}", needed.names().join(", ")))
        .collect();
    if missing.is_empty() { Ok(()) } else { Err(missing_capabilities(&missing.join("; "))) }
}

fn missing_capabilities(missing: &str) -> VaultError {
    let hint = "give its role the policy in policies/validator.hcl";
    VaultError::new(
        FailureKind::PermissionDenied,
        format!("the service's own token lacks {missing}: {hint}"),
    )
}

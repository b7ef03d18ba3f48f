//! Whether the service's own token may do what the service does: found out at login, so that a
//! missing policy shows at once, by name, and not as a failure of somebody's request.

use crate::{
    capabilities::Capabilities,
    vault::{
        Client,
        error::{Failure, VaultError},
        own_token::OwnToken,
        questions::capabilities,
    },
};

/// What `policies/validator.hcl` grants, as far as requests depend on it.
pub const NEEDED: [(&str, Capabilities); 3] = [
    ("auth/token/lookup", Capabilities::UPDATE),
    ("identity/entity/id/00000000-0000-0000-0000-000000000000", Capabilities::READ),
    ("sys/capabilities", Capabilities::UPDATE),
];

/// Tells what this token lacks.
pub(super) async fn run(client: &Client, own: &OwnToken) -> Result<(), VaultError> {
    let paths: Vec<String> = NEEDED.iter().map(|(path, _)| (*path).to_owned()).collect();
    let granted = match capabilities(client, own, &own.as_presented(), &paths).await {
        Ok(Some(granted)) => granted,
        Ok(None) => return Err(VaultError::new(Failure::OwnToken, "vault refuses the token")),
        Err(error) if error.failure == Failure::OwnPolicy => {
            return Err(lacking("update on sys/capabilities"));
        }
        Err(error) => return Err(error),
    };
    let missing =
        NEEDED.iter().zip(granted.iter()).filter(|((_, needed), on)| !on.has_any(*needed));
    let missing: Vec<String> = missing
        .map(|((path, needed), _)| format!("{} on {path}", needed.names().join(", ")))
        .collect();
    if missing.is_empty() { Ok(()) } else { Err(lacking(&missing.join("; "))) }
}

fn lacking(what: &str) -> VaultError {
    let remedy = "give its role the policy in policies/validator.hcl";
    VaultError::new(Failure::OwnPolicy, format!("the service's own token lacks {what}: {remedy}"))
}

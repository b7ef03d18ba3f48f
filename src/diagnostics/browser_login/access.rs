use crate::{
    diagnostics::{
        finding::{CHECK_VAULT, Finding},
        setup::TokenOwner,
    },
    vault::InspectError,
};

/// Returns the finding for a failed request to Vault. `needed` is the access that the token may lack.
pub(super) fn inspect_failure(
    check: &'static str,
    error: &InspectError,
    owner: TokenOwner,
    needed: &str,
) -> Finding {
    let whose = match owner {
        TokenOwner::Operator => "your",
        TokenOwner::Service => "the service's",
    };
    match error {
        InspectError::PermissionDenied(_) => Finding::skipped(
            check,
            format!("{whose} token has no {needed}"),
            format!("log in with a token of yours that has {needed}: `vault login`"),
        ),
        InspectError::Failed(why) => {
            Finding::failed(check, format!("the request to Vault failed: {why}"), CHECK_VAULT)
        }
    }
}

use std::collections::BTreeMap;

use crate::{
    diagnostics::finding::{CHECK_VAULT, Finding},
    vault::{InspectError, Mount},
};

/// The owner of the token that Vault's setup is inspected with.
#[derive(Clone, Copy)]
pub(in crate::diagnostics) enum TokenOwner {
    Operator,
    Service,
}

/// The mounts of one kind by path, or the error of listing them.
pub(super) type Mounted = Result<BTreeMap<String, Mount>, InspectError>;

/// Returns the finding for a failed request to Vault. `needed` is the access that the token may
/// lack, `policy` the shipped policy that grants it.
pub(super) fn inspect_failure(
    check: &'static str,
    error: &InspectError,
    owner: TokenOwner,
    needed: &str,
    policy: &str,
) -> Finding {
    match error {
        InspectError::PermissionDenied(_) => {
            let (whose, remedy) = match owner {
                TokenOwner::Operator => ("your", format!("it needs policies/{policy}.hcl")),
                TokenOwner::Service => (
                    "the service's",
                    format!(
                        "use a token of yours that has policies/{policy}.hcl: `vault login`, or \
                         VAULT_TOKEN in addition to the AppRole"
                    ),
                ),
            };
            Finding::skipped(check, format!("{whose} token has no {needed}"), remedy)
        }
        InspectError::Failed(why) => {
            Finding::failed(check, format!("the request to Vault failed: {why}"), CHECK_VAULT)
        }
    }
}

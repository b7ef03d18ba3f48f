use super::access::{TokenOwner, inspect_failure};
use crate::{
    diagnostics::finding::{CHECK_VAULT, Finding},
    policy::{PolicyPlan, PolicySet, UnmanagedPolicies},
    vault::{InspectError, Inspector, VaultPolicies, VaultSession},
};

pub(super) const CHECK: &str = "shipped policies";

/// Checks that the policies in Vault equal those of `set`.
pub(super) async fn check(
    session: &VaultSession,
    examiner: &Inspector<'_>,
    set: &PolicySet,
    owner: TokenOwner,
) -> Finding {
    if let Err(error) = ensure_readable(examiner).await {
        let needed = "list on sys/policies/acl and read below it";
        return inspect_failure(CHECK, &error, owner, needed, "policy-auditor");
    }
    match PolicyPlan::compute(set, &VaultPolicies::new(session), UnmanagedPolicies::Keep).await {
        Ok(plan) => compare(&plan),
        Err(error) => Finding::failed(CHECK, error.to_string(), CHECK_VAULT),
    }
}

/// Returns an error unless the token may list and read policies.
async fn ensure_readable(examiner: &Inspector<'_>) -> Result<(), InspectError> {
    let paths = ["sys/policies/acl", "sys/policies/acl/validator"].map(str::to_owned);
    let granted = examiner.capabilities_of_token(&paths).await?;
    let may = |index: usize, capability: &str| {
        granted[index].iter().any(|granted| granted == capability || granted == "root")
    };
    if may(0, "list") && may(1, "read") {
        Ok(())
    } else {
        Err(InspectError::PermissionDenied(String::new()))
    }
}

fn compare(plan: &PolicyPlan) -> Finding {
    let names = |verb: &str| -> Vec<&str> {
        let changes = plan.changes.iter().filter(|change| change.verb() == verb);
        changes.map(|change| change.name.as_str()).collect()
    };
    let (changed, missing) = (names("update"), names("create"));
    let remedy = "`policies plan` shows the difference, `policies apply` removes it";
    if !changed.is_empty() {
        let message = format!("they differ in Vault: {}", changed.join(", "));
        return Finding::failed(CHECK, message, remedy);
    }
    if !missing.is_empty() {
        let message = format!("not in Vault: {}", missing.join(", "));
        return Finding::warning(CHECK, message, remedy);
    }
    Finding::ok(CHECK, format!("all {} are the same in Vault", plan.unchanged.len()))
}

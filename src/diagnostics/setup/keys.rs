use std::collections::BTreeMap;

use super::access::{TokenOwner, inspect_failure};
use crate::{
    diagnostics::finding::Finding,
    tenants::{key_name, tenant_from_key},
    vault::{InspectError, Inspector, TransitKey},
};

pub(super) const CHECK: &str = "tenants' keys";

/// The tenants that have a key, as far as the token may list them.
#[derive(Default)]
pub(super) struct TenantKeys {
    pub(super) tenants: Vec<String>,
    /// The keys by tenant; `None` if not all of them could be read.
    pub(super) keys: Option<BTreeMap<String, TransitKey>>,
}

/// Checks the settings of each tenant's key. Also returns the tenants that have one.
pub(super) async fn check(
    examiner: &Inspector<'_>,
    mount: &str,
    owner: TokenOwner,
) -> (Finding, TenantKeys) {
    let failed = |error: &InspectError, needed: &str| {
        inspect_failure(CHECK, error, owner, needed, "operator")
    };
    let names = match examiner.keys(mount).await {
        Ok(names) => names,
        Err(error) => {
            return (failed(&error, &format!("list on {mount}/keys")), TenantKeys::default());
        }
    };
    let tenants: Vec<String> =
        names.iter().filter_map(|name| tenant_from_key(name)).map(str::to_owned).collect();
    let mut keys = BTreeMap::new();
    for tenant in &tenants {
        match examiner.key(mount, &key_name(tenant)).await {
            Ok(key) => {
                keys.insert(tenant.clone(), key);
            }
            Err(error) => {
                let finding = failed(&error, &format!("read on {mount}/keys/tenant-*"));
                return (finding, TenantKeys { tenants, keys: None });
            }
        }
    }
    (check_settings(&keys), TenantKeys { tenants, keys: Some(keys) })
}

fn check_settings(keys: &BTreeMap<String, TransitKey>) -> Finding {
    if keys.is_empty() {
        return Finding::skipped(CHECK, "no tenant has a key yet", "");
    }
    let wrong: Vec<String> = keys
        .iter()
        .map(|(tenant, key)| (tenant, key_problems(key)))
        .filter(|(_, problems)| !problems.is_empty())
        .map(|(tenant, problems)| format!("{} {}", key_name(tenant), problems.join(" and ")))
        .collect();
    if wrong.is_empty() {
        let message = format!(
            "{} checked: derived, not convergent, not exportable, protected from deletion",
            keys.len()
        );
        return Finding::ok(CHECK, message);
    }
    Finding::failed(
        CHECK,
        wrong.join("; "),
        "only deletion_allowed can be changed: create a new derived key, rewrite the secrets with \
         it, and delete the old key",
    )
}

/// Returns the settings of a key that weaken it.
fn key_problems(key: &TransitKey) -> Vec<&'static str> {
    [
        (!key.derived, "is not derived, so a ciphertext can be moved to another name"),
        (key.is_convergent(), "is convergent, so that equal secrets have equal ciphertexts"),
        (key.exportable, "can be exported"),
        (key.allow_plaintext_backup, "can be read in a backup"),
        (key.deletion_allowed, "can be deleted at once (deletion_allowed)"),
    ]
    .into_iter()
    .filter_map(|(is_wrong, description)| is_wrong.then_some(description))
    .collect()
}

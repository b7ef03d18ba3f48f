use std::collections::BTreeMap;

use super::{
    diagnosis::Finding,
    platform::{Viewer, untold},
};
use crate::vault::{Examiner, Key, Untold};

pub(super) const CHECK: &str = "tenants' keys";

/// How a tenant's key is named.
const PREFIX: &str = "tenant-";

/// The tenants that have a key, as far as they could be seen.
#[derive(Default)]
pub(super) struct TenantKeys {
    pub(super) tenants: Vec<String>,
    /// Their keys; `None` if not all of them could be read.
    pub(super) keys: Option<BTreeMap<String, Key>>,
}

/// Whether each tenant's key is made as it should be, and the tenants that have one.
pub(super) async fn examine(
    examiner: &Examiner<'_>,
    mount: &str,
    viewer: Viewer,
) -> (Finding, TenantKeys) {
    let failed = |error: &Untold, needed: &str| untold(CHECK, error, viewer, needed, "operator");
    let names = match examiner.keys(mount).await {
        Ok(names) => names,
        Err(error) => {
            return (failed(&error, &format!("list on {mount}/keys")), TenantKeys::default());
        }
    };
    let tenants: Vec<String> =
        names.iter().filter_map(|name| name.strip_prefix(PREFIX)).map(str::to_owned).collect();
    let mut keys = BTreeMap::new();
    let mut wrong = Vec::new();
    for tenant in &tenants {
        match examiner.key(mount, &format!("{PREFIX}{tenant}")).await {
            Ok(key) => {
                let faults = faults(&key);
                if !faults.is_empty() {
                    wrong.push(format!("{PREFIX}{tenant} {}", faults.join(" and ")));
                }
                keys.insert(tenant.clone(), key);
            }
            Err(error) => {
                let finding = failed(&error, &format!("read on {mount}/keys/tenant-*"));
                return (finding, TenantKeys { tenants, keys: None });
            }
        }
    }
    if tenants.is_empty() {
        let finding = Finding::skipped(CHECK, "no tenant has a key yet", "");
        return (finding, TenantKeys { tenants, keys: Some(keys) });
    }
    let finding = if wrong.is_empty() {
        let sound = "derived, not convergent, and neither to be read nor to be deleted as it is";
        Finding::ok(CHECK, format!("{} looked at: each {sound}", tenants.len()))
    } else {
        Finding::failed(
            CHECK,
            wrong.join("; "),
            "what was made so stays so, but for deletion_allowed: make a new derived key, write the \
             secrets anew with it, and delete the old one",
        )
    };
    (finding, TenantKeys { tenants, keys: Some(keys) })
}

fn faults(key: &Key) -> Vec<&'static str> {
    [
        (!key.derived, "is not derived, so a ciphertext can be moved to another name"),
        (key.convergent_encryption, "is convergent, so that equal secrets have equal ciphertexts"),
        (key.exportable, "can be exported"),
        (key.allow_plaintext_backup, "can be read in a backup"),
        (key.deletion_allowed, "can be deleted at once (deletion_allowed)"),
    ]
    .into_iter()
    .filter_map(|(wrong, words)| wrong.then_some(words))
    .collect()
}

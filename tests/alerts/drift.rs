//! Policies in Vault that differ from the files.

use std::{fs, path::Path};

use serde_json::json;
use tempfile::TempDir;

use super::{set, watch};
use crate::support::{direct::Direct, platform, tools::repository};

/// A service that compares the policies about every second with those of the repository.
async fn comparing(policies: &[&str]) -> (Direct, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    copy_policies(folder.path());
    let env = [
        ("VALIDATOR_POLICY_DRIFT_DIR", folder.path().to_str().expect("text")),
        ("VALIDATOR_POLICY_DRIFT_INTERVAL", "1s"),
    ];
    let mut service = Direct::start_with(&env).await;
    let role = json!({"token_period": "1h", "token_policies": policies});
    service.bao.must("POST", "auth/approle/role/validator", Some(role)).await;
    service.validator.restart().await;
    service.validator.ready().await;
    (service, folder)
}

fn copy_policies(folder: &Path) {
    for entry in fs::read_dir(repository("policies")).expect("the policies") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "hcl") {
            fs::copy(&path, folder.join(path.file_name().expect("a name"))).expect("a copy");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn o3_changed_policy_is_reported() {
    let (service, _folder) = comparing(&["validator", "validator-drift"]).await;
    let monitoring = watch(&service).await;
    platform::set_policy(&service.bao, "tenant", "path \"sys/*\" { capabilities = [\"read\"] }")
        .await;
    monitoring.delivers("VaultPolicyDrift").await;
    assert_eq!(monitoring.fired().await, set(&["VaultPolicyDrift"]));
    platform::load_policies(&service.bao).await;
    monitoring.resolves("VaultPolicyDrift").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn o3_failed_comparison_is_reported() {
    let (service, _folder) = comparing(&["validator"]).await;
    let monitoring = watch(&service).await;
    monitoring.delivers("VaultPolicyDriftUnchecked").await;
    assert_eq!(monitoring.fired().await, set(&["VaultPolicyDriftUnchecked"]));
}

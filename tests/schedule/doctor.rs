//! The findings of `doctor` about rotations.

use serde_json::{Value, json};

use super::Platform;
use crate::support::{
    platform::{age_key, create_key},
    shell::Shell,
};

/// Returns the result of a check: its outcome, detail and remedy.
fn check(shell: &Shell, check: &str) -> (String, String, String) {
    let ended = shell.run(&["doctor", "--operator", "--output", "json"]);
    let report: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    let groups = report["groups"].as_array().expect("groups").iter();
    let checks = groups.flat_map(|group| group["checks"].as_array().expect("checks"));
    let found = checks.clone().find(|one| one["check"] == check).expect("the check");
    let text = |name: &str| found[name].as_str().unwrap_or_default().to_owned();
    (text("outcome"), text("detail"), text("remedy"))
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_reports_overdue_and_unreadable() {
    let platform = Platform::start().await;
    let operator = platform.operator().await;
    let is = |name: &str, outcome: &str, words: &str| {
        let (found, detail, remedy) = check(&operator, name);
        assert_eq!(found, outcome, "{name}: {detail}");
        assert!(detail.contains(words), "{name}: {detail}");
        assert_eq!(remedy.is_empty(), outcome == "ok", "{name}: {remedy}");
    };
    is("rotate-every", "ok", "0 of 2 tenants with --rotate-every");
    is("age of keys", "ok", "no key is older than its interval");
    is("Vault's rotation", "ok", "no key has auto_rotate_period");

    operator.run(&["tenants", "set", "acme", "--rotate-every", "30d"]).done();
    age_key(&platform.bao, "acme", 31 * 24).await;
    is("age of keys", "ok", "keys due for `tenants rotate --due`: 1");
    age_key(&platform.bao, "acme", 2 * 24).await;
    is("age of keys", "fail", "overdue: acme (33d old, every 30d)");
    age_key(&platform.bao, "acme", -34 * 24).await;
    is("age of keys", "fail", "dated in the future according to Vault's clock: acme");

    let period = json!({"auto_rotate_period": "720h"});
    for tenant in ["acme", "globex"] {
        let path = format!("transit/keys/tenant-{tenant}/config");
        platform.bao.must("POST", &path, Some(period.clone())).await;
    }
    is("Vault's rotation", "warning", "nothing rewraps the secrets: globex (every 30days)");
    operator.run(&["tenants", "set", "globex", "--rotate-every", "90d"]).done();
    is(
        "Vault's rotation",
        "warning",
        "ignores its lease: acme (every 30days), globex (every 30days)",
    );

    platform.put_settings("initech", json!({"v": 1, "rotate_every": "90d"})).await;
    is("rotate-every", "warning", "of tenants without a key: initech");
    create_key(&platform.bao, "initech").await;
    is("rotate-every", "ok", "3 of 3 tenants");
    platform.put_settings("initech", json!({"v": 7})).await;
    is("rotate-every", "fail", "initech: it has the format 7");
    platform.put_settings("acme/below", json!({"v": 1, "rotate_every": "90d"})).await;
    is("rotate-every", "fail", "acme/: it is not a tenant's name");
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_permission_is_inconclusive() {
    let platform = Platform::start().await;
    let auditor = platform.holder("policy-auditor").await;
    let (outcome, detail, _) = check(&auditor, "rotate-every");
    assert_eq!(outcome, "skipped", "{detail}");
    assert!(detail.contains("your token has no"), "{detail}");
    assert_eq!(check(&auditor, "age of keys").0, "skipped");
}

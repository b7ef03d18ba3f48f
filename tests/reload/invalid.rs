//! Configurations that are not applied.

use std::fs;

use super::{Configured, TIMEOUT};
use crate::{expect::granted, support::wait::eventually};

/// Requests that this configuration be applied, and expects that it is not, for this reason.
async fn rejected(service: &Configured, settings: &str, reason: &str) {
    let before = service.validator.log().len();
    service.write(settings);
    service.signal("failed").await;
    let log = eventually(TIMEOUT, &format!("a line with {reason:?}"), async || {
        let log = service.validator.log();
        let new = log.get(before..)?.to_owned();
        new.contains(reason).then_some(new)
    })
    .await;
    let line = log.lines().find(|line| line.contains(reason)).expect("the line");
    assert!(line.contains("ERROR") && line.contains("configuration not reloaded"), "{line}");
    granted(&service.ask("", service.bao.root_token()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_configuration_changes_nothing() {
    let service = Configured::start("allow_root = true").await;
    let missing = service.path("missing.pem").display().to_string();
    let cases = [
        ("allow_root = ", "not valid TOML"),
        ("allow_rot = false", "did you mean `allow_root`?"),
        ("cache_ttl = \"never\"", "validator.toml:4"),
        ("allow_root = false\nstale_grace = \"1h\"", "validator.toml:5"),
        (&format!("vault_cacert = \"{missing}\""), "missing.pem: No such file"),
        ("admin_token_file = \"/dev/null\"", "not a regular file"),
        ("login_url = \"https://login.example.com\"", "VALIDATOR_LOGIN_HOSTS: not set"),
        ("vault_token_file = \"/etc/hostname\"", "several Vault logins"),
    ];
    for (settings, reason) in cases {
        rejected(&service, settings, reason).await;
    }
    fs::remove_file(service.path("validator.toml")).expect("the file");
    service.signal("failed").await;
    service.line(&["configuration not reloaded", "validator.toml: No such file"]).await;
    granted(&service.ask("", service.bao.root_token()).await);
    let failed = "vault_auth_config_reloads_total{outcome=\"failed\"}";
    assert_eq!(service.validator.count(failed).await, 9);
    let loaded = "vault_auth_config_last_reload_success_timestamp_seconds";
    let started = service.validator.count(loaded).await;
    assert!(started > 0);
    // The next valid one is applied.
    service.reload("").await;
    assert_eq!(service.ask("", service.bao.root_token()).await.status, 403);
    assert!(service.validator.count(loaded).await >= started);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_errors_are_reported_without_secrets() {
    let service = Configured::start("allow_root = true").await;
    let token = service.file("admin", "short-secret");
    let settings =
        format!("cache_ttl = \"x\"\nfailure_limit = \"y\"\nadmin_token_file = \"{token}\"");
    rejected(&service, &settings, "shorter than").await;
    let log = service.validator.log();
    assert_eq!(log.matches("configuration not reloaded").count(), 3, "{log}");
    assert!(!log.contains("short-secret"), "{log}");
}

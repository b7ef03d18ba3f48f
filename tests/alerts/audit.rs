//! Vault's audit entries.

use std::time::Duration;

use serde_json::{Value, json};

use super::{UNCACHED, set, under_load, watch};
use crate::support::{direct::Direct, http, platform};

/// Posts entries to the validator, as OpenBao does.
async fn post(service: &Direct, entries: &str) {
    let url = format!("{}/audit", service.validator.admin_url());
    let answer = http::send(&http::client(), "POST", &url, &[], Some(entries.to_owned())).await;
    assert_eq!(answer.expect("an answer").status, 204);
}

/// Revokes a token; returns OpenBao's entries about that, from before a quarter of a second and more.
async fn late_revocation(service: &Direct) -> String {
    let token = platform::token(&service.bao, json!({"policies": ["tenant"]})).await;
    let path = "auth/token/revoke-self";
    assert_eq!(service.bao.request_as(&token, "POST", path, None).await.0, 204);
    let about = |entry: &&Value| entry["request"]["path"] == path;
    let entries = service.bao.audit_log();
    let late = entries.iter().filter(about).cloned().map(|mut entry| {
        let time: jiff::Timestamp =
            entry["time"].as_str().expect("a time").parse().expect("a time");
        entry["time"] = json!((time - jiff::SignedDuration::from_secs(2)).to_string());
        entry.to_string()
    });
    late.collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn o3_faults_of_audit_feed_are_reported() {
    let service = Direct::start_with(&UNCACHED).await;
    let monitoring = watch(&service).await;
    post(&service, &late_revocation(&service).await).await;
    monitoring.delivers("VaultAuthRevocationSlow").await;
    post(&service, "garbage").await;
    monitoring.delivers("VaultAuthAuditEntriesUnreadable").await;
    let ask = async || drop(service.ask(service.acme.token()).await);
    under_load(ask, monitoring.delivers("VaultAuthAuditFeedSilent")).await;
    let fed = async || {
        ask().await;
        post(&service, "{}").await;
    };
    under_load(fed, monitoring.resolves("VaultAuthAuditFeedSilent")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn o3_fresh_audit_feed_is_quiet() {
    let service = Direct::start_with(&UNCACHED).await;
    let url = format!("{}/audit", service.validator.admin_url());
    service.bao.post_audit_to(&url).await;
    let monitoring = watch(&service).await;
    let ask = async || {
        service.ask(service.acme.token()).await;
        let token = platform::token(&service.bao, json!({"policies": ["tenant"]})).await;
        service.ask(&token).await;
        service.bao.request_as(&token, "POST", "auth/token/revoke-self", None).await;
    };
    under_load(ask, monitoring.observes(Duration::from_secs(12))).await;
    assert!(service.validator.metric("vault_auth_revocation_delay_seconds_count").await > 0.0);
    assert_eq!(monitoring.fired().await, set(&[]));
}

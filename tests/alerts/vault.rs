//! Faults of Vault.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;

use super::{UNCACHED, set, under_load, unknown_token, watch};
use crate::support::{direct::Direct, fault::Fault, monitoring::Monitoring};

/// What a sealed or unreachable Vault leads to, which Alertmanager holds back.
const CONSEQUENCES: [&str; 2] = ["VaultAuthFailingClosed", "VaultAuthNotReady"];

/// Waits until the message about this alert arrives, and its consequences fire; asserts that there are no
/// messages about those.
async fn arrives_alone(service: &Direct, monitoring: &Monitoring, alert: &str) {
    monitoring.delivers(alert).await;
    let ask = async || drop(join_all([(); 5].map(|()| service.ask(service.acme.token()))).await);
    for consequence in CONSEQUENCES {
        under_load(ask, monitoring.holds_back(consequence)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn o3_sealed_vault_is_reported_alone() {
    let service = Direct::start_with(&UNCACHED).await;
    let monitoring = watch(&service).await;
    assert_eq!(service.ask(service.acme.token()).await.status, 200);
    assert_eq!(monitoring.fired().await, set(&[]));
    service.bao.seal().await;
    arrives_alone(&service, &monitoring, "VaultSealed").await;
    service.bao.unseal().await;
    monitoring.resolves("VaultSealed").await;
    // The share of a day is still spent when Vault is back.
    let delivered = monitoring.delivered();
    assert!(
        delivered.is_subset(&set(&["VaultSealed", "VaultAuthErrorBudgetSlow"])),
        "{delivered:?}"
    );
    monitoring.evaluates().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn o3_unreachable_vault_is_reported_alone() {
    let service = Direct::start_with(&UNCACHED).await;
    let monitoring = watch(&service).await;
    service.fault.set(Fault::Hang).await;
    arrives_alone(&service, &monitoring, "VaultUnreachable").await;
    service.fault.set(Fault::Standby("http://127.0.0.1:1/v1/sys/health")).await;
    monitoring.delivers("VaultRedirects").await;
    assert!(!monitoring.fired().await.contains("VaultSealed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn o3_slow_vault_is_reported() {
    let service =
        Direct::start_with(&[("VALIDATOR_FAILURE_LIMIT", "0"), ("VALIDATOR_LOG", "info")]).await;
    let monitoring = watch(&service).await;
    let late = Fault::Late(Duration::from_millis(700));
    service.fault.set_for("/v1/auth/token/lookup", late).await;
    let lookups = async || {
        let tokens: Vec<_> = (0..10).map(|_| unknown_token()).collect();
        let requests = tokens.iter().map(|token| service.ask(token));
        join_all(requests).await;
    };
    under_load(lookups, monitoring.delivers("VaultSlow")).await;
    assert_eq!(monitoring.fired().await, set(&["VaultSlow"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn o3_unreadable_secrets_are_reported() {
    const CRM: &str = "/v1/tenants/acme/secrets/crm";
    let service = Direct::start().await;
    let monitoring = watch(&service).await;
    let (token, secret) = (service.acme.token(), json!({"data": {"A": "1"}}));
    service.api("PUT", CRM, token, &[], Some(secret)).await;
    let failed = Fault::Status(500, r#"{"errors":["no"]}"#);
    service.fault.set_for("POST /v1/transit/", failed).await;
    let read = async || drop(service.api("GET", CRM, token, &[], None).await);
    let arrive = async {
        monitoring.delivers("VaultAuthSecretsFailing").await;
        monitoring.delivers("VaultRequestsFailing").await;
    };
    under_load(read, arrive).await;
    let expected = set(&["VaultAuthSecretsFailing", "VaultRequestsFailing"]);
    assert_eq!(monitoring.fired().await, expected);
}

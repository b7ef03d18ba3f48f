//! Requests whose tokens cannot be checked, although Vault is up.

use std::time::Duration;

use super::{UNCACHED, set, under_load, unknown_token, watch};
use crate::support::{direct::Direct, fault::Fault, monitoring::Monitoring};

/// The response to a lookup that makes Vault's state of the token unknown.
const FAILED: Fault = Fault::Status(500, r#"{"errors":["no"]}"#);

#[tokio::test(flavor = "multi_thread")]
async fn o3_failing_lookups_are_reported() {
    let service = Direct::start_with(&UNCACHED).await;
    let monitoring = watch(&service).await;
    service.fault.set_for("/v1/auth/token/lookup", FAILED).await;
    let ask = async || drop(service.ask(service.acme.token()).await);
    under_load(ask, monitoring.delivers("VaultAuthFailingClosed")).await;
    under_load(ask, monitoring.delivers("VaultRequestsFailing")).await;
    under_load(ask, monitoring.holds_back("VaultAuthErrorBudgetFast")).await;
}

/// Sends requests of which one in thirty has a token that is not in the cache.
async fn one_in_thirty(service: &Direct, monitoring: &Monitoring, alert: &str) {
    let ask = async || {
        for _ in 0..29 {
            assert_eq!(service.ask(service.acme.token()).await.status, 200);
        }
        service.ask(&unknown_token()).await;
    };
    under_load(ask, monitoring.delivers(alert)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn o3_spent_error_budget_is_reported() {
    let env = [
        ("VALIDATOR_LOG", "info"),
        ("VALIDATOR_CACHE_TTL", "10m"),
        ("VALIDATOR_FAILURE_LIMIT", "0"),
    ];
    let service = Direct::start_with(&env).await;
    service.ask(service.acme.token()).await;
    let monitoring = watch(&service).await;
    service.fault.set_for("/v1/auth/token/lookup", FAILED).await;
    one_in_thirty(&service, &monitoring, "VaultAuthErrorBudgetFast").await;
    service.fault.set(Fault::Pass).await;
    one_in_thirty(&service, &monitoring, "VaultAuthErrorBudgetSlow").await;
    monitoring.resolves("VaultAuthErrorBudgetFast").await;
    let fired = monitoring.fired().await;
    assert!(!fired.contains("VaultAuthFailingClosed"), "{fired:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn o3_healthy_service_is_quiet() {
    let service = Direct::start().await;
    let monitoring = watch(&service).await;
    let mut round = 0;
    let usual = async || {
        round += 1;
        service.ask(service.acme.token()).await;
        service.require("tenant=acme", service.globex.token()).await;
        if round % 50 == 0 {
            service.ask("s.unknown").await;
        }
    };
    // Longer than any alert of the list below waits.
    under_load(usual, monitoring.observes(Duration::from_secs(20))).await;
    assert_eq!(monitoring.fired().await, set(&[]));
    assert_eq!(monitoring.delivered(), set(&[]));
    monitoring.evaluates().await;
}

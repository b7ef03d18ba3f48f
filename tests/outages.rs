//! Outages of Vault: requests are denied meanwhile, and the service recovers without a restart.

use std::time::Duration;

use crate::{
    expect::{granted, refused},
    support::{bao::Bao, direct::Direct, platform, validator::Validator, wait::eventually},
};

/// No caching, so that each request makes a lookup, and a short timeout.
const SHORT_TIMEOUT: [(&str, &str); 2] =
    [("VALIDATOR_VAULT_TIMEOUT", "500ms"), ("VALIDATOR_CACHE_TTL", "0s")];

/// Waits until the caller is accepted again. Until then Vault is unavailable, and the caller is never
/// rejected.
async fn recovered(service: &Direct) {
    eventually(Duration::from_secs(15), "the caller to be let in again", async || {
        let answer = service.ask(service.acme.token()).await;
        assert!(matches!(answer.status, 200 | 503), "{answer:?}");
        (answer.status == 200).then_some(())
    })
    .await;
    service.validator.ready().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_vault_is_unavailable() {
    let service = Direct::start_with(&SHORT_TIMEOUT).await;
    granted(&service.ask(service.acme.token()).await);
    service.bao.freeze();
    refused(&service.ask(service.acme.token()).await, "vault_unavailable");
    service.validator.unready("vault_unavailable").await;
    assert_eq!(service.validator.count("ready").await, 0);
    service.bao.thaw();
    recovered(&service).await;
    assert_eq!(service.validator.count("ready").await, 1);
    assert_eq!(service.calls("login").await, 1, "the session was lost without need");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_vault_is_unavailable() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let bao = Bao::raft(dir.path()).await;
    let addr = bao.addr();
    let env = [SHORT_TIMEOUT[0], SHORT_TIMEOUT[1], ("VAULT_ADDR", addr.as_str())];
    let mut service = Direct::on(bao, &env).await;
    granted(&service.ask(service.acme.token()).await);
    service.bao.kill();
    refused(&service.ask(service.acme.token()).await, "vault_unavailable");
    refused(&service.ask("s.unknown").await, "vault_unavailable");
    service.validator.unready("vault_unavailable").await;
    // A proxy in between would accept the connection, and break it.
    let count = async |outcome: &str| {
        service.validator.count(&format!("vault_requests_total{{outcome=\"{outcome}\"}}")).await
    };
    assert!(count("connect").await + count("reset").await > 0);
    service.bao.restart().await;
    recovered(&service).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sealed_vault_recovers_after_unseal() {
    let service = Direct::start_with(&SHORT_TIMEOUT).await;
    service.bao.seal().await;
    refused(&service.ask(service.acme.token()).await, "vault_sealed");
    service.validator.unready("vault_sealed").await;
    service.bao.unseal().await;
    recovered(&service).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn validator_waits_for_vault_at_start() {
    let bao = Bao::dev().await;
    let role = platform::provision(&bao).await;
    let acme = platform::create_tenant(&bao, "acme").await;
    bao.freeze();
    let validator = Validator::start_unready(&bao, &role, &SHORT_TIMEOUT).await;
    assert_eq!(validator.admin("GET", "/healthz").await.0, 200);
    validator.unready("vault_unavailable").await;
    let headers = [("x-vault-token", acme.token())];
    refused(&validator.validate("", &headers).await, "not_ready");
    bao.thaw();
    validator.ready().await;
    granted(&validator.validate("", &headers).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn outage_is_logged_once() {
    let service = Direct::start_with(&SHORT_TIMEOUT).await;
    let lines = |words: &str| service.validator.log().matches(words).count();
    let before = (lines("vault is unavailable"), lines("vault is up"));
    service.bao.freeze();
    service.validator.unready("vault_unavailable").await;
    let looks = service.calls("health").await;
    eventually(Duration::from_secs(10), "two more looks", async || {
        (service.calls("health").await >= looks + 2).then_some(())
    })
    .await;
    service.bao.thaw();
    service.validator.ready().await;
    // The log is written after the state has changed.
    eventually(Duration::from_secs(10), "the end in the log", async || {
        (lines("vault is up") > before.1).then_some(())
    })
    .await;
    let after = (lines("vault is unavailable"), lines("vault is up"));
    assert_eq!(after, (before.0 + 1, before.1 + 1), "{}", service.validator.log());
}

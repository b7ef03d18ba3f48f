//! HashiCorp Vault, which rejects the service's expired token with another error than OpenBao.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{
    expect::{granted, refused},
    session::{own_token, revoke_own_tokens, start_with_token},
    support::{
        bao::Bao, direct::Direct, fault::Fault, platform, tools, validator::Validator,
        wait::eventually,
    },
};

const TIMEOUT: Duration = Duration::from_secs(15);

/// Starts the validator with such a Vault.
async fn service(env: &[(&str, &str)]) -> Direct {
    Direct::on(Bao::dev().await.reworded().await, env).await
}

/// Returns the number of rejections in the validator's cache.
async fn cached_rejections(service: &Direct) -> Value {
    service.validator.admin("GET", "/cache").await.1["refused"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn revoked_token_causes_one_login() {
    let service = service(&[("VALIDATOR_FAILURE_LIMIT", "1")]).await;
    let mut tokens = Vec::new();
    for _ in 0..20 {
        tokens.push(platform::token(&service.bao, json!({"policies": ["tenant"]})).await);
    }
    granted(&service.ask(service.acme.token()).await);
    revoke_own_tokens(&service.bao).await;
    let start = Instant::now();
    for answer in join_all(tokens.iter().map(|token| service.ask(token))).await {
        granted(&answer);
    }
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    assert_eq!(service.calls("login").await, 2);
    assert_eq!(cached_rejections(&service).await, 0);
    for _ in 0..3 {
        granted(&service.from("192.0.2.1", "", service.acme.token()).await);
    }
    refused(&service.from("192.0.2.1", "", "s.unknown").await, "token_invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn revoked_token_keeps_cached_callers() {
    let service = service(&[("VALIDATOR_CACHE_TTL", "1s")]).await;
    granted(&service.ask(service.acme.token()).await);
    revoke_own_tokens(&service.bao).await;
    eventually(TIMEOUT, "a login", async || {
        granted(&service.ask(service.acme.token()).await);
        (service.calls("login").await == 2).then_some(())
    })
    .await;
    granted(&service.ask(service.acme.token()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn grace_covers_missing_own_token() {
    let env = [("VALIDATOR_CACHE_TTL", "1s"), ("VALIDATOR_STALE_GRACE", "60s")];
    let service = service(&env).await;
    granted(&service.ask(service.acme.token()).await);
    let failing = Fault::Status(500, r#"{"errors":["internal error"]}"#);
    service.fault.set_for("/v1/auth/approle/login", failing).await;
    revoke_own_tokens(&service.bao).await;
    eventually(TIMEOUT, "a stale answer", async || {
        let answer = service.ask(service.acme.token()).await;
        granted(&answer);
        (answer.header("x-auth-cache") == Some("stale")).then_some(())
    })
    .await;
    service.fault.set(Fault::Pass).await;
    eventually(TIMEOUT, "a fresh answer", async || {
        let answer = service.ask(service.acme.token()).await;
        granted(&answer);
        (answer.header("x-auth-cache") != Some("stale")).then_some(())
    })
    .await;
    assert_eq!(cached_rejections(&service).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_renewal_replaces_token() {
    let bao = Bao::dev().await.reworded().await;
    platform::provision(&bao).await;
    let settings = json!({
        "token_period": "4s",
        "token_no_default_policy": true,
        "token_policies": "validator",
    });
    let brief = platform::app_role(&bao, "brief", settings).await;
    let validator = Validator::start(&bao, &brief, &[]).await;
    revoke_own_tokens(&bao).await;
    let start = Instant::now();
    eventually(TIMEOUT, "a second login", async || {
        let logins = "vault_requests_total{operation=\"login\",outcome=\"ok\"}";
        (validator.count(logins).await == 2).then_some(())
    })
    .await;
    assert!(start.elapsed() < Duration::from_millis(3500), "only at the end of its lease");
    assert_eq!(validator.count("vault_requests_total{operation=\"renew\"}").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_login_makes_unready() {
    let bao = Bao::dev().await.reworded().await;
    platform::provision(&bao).await;
    let acme = platform::create_tenant(&bao, "acme").await;
    let own = own_token(&bao).await;
    let validator = start_with_token(&bao, "VAULT_TOKEN", &own).await;
    let headers = [("x-vault-token", acme.token())];
    granted(&validator.validate("", &headers).await);
    revoke_own_tokens(&bao).await;
    refused(&validator.validate("", &headers).await, "not_ready");
    validator.unready("not_logged_in").await;
    let (_, body) = validator.admin("GET", "/readyz").await;
    let detail = body["detail"].as_str().expect("a detail");
    assert!(detail.contains("VAULT_TOKEN contains a token that is unknown"), "{detail}");
    assert!(!detail.contains(&own), "the token is shown");
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_token_error_says_to_log_in() {
    for bao in [Bao::dev().await, Bao::dev().await.reworded().await] {
        let home = tempfile::tempdir().expect("a temporary directory");
        std::fs::write(home.path().join(".vault-token"), "s.expired").expect("a file");
        let ended = Command::new(tools::validator())
            .args(["secrets", "list", "acme"])
            .env_clear()
            .env("HOME", home.path())
            .env("VAULT_ADDR", bao.addr())
            .output()
            .expect("it starts");
        let output = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(1), "{output}");
        assert!(output.contains("`vault login`"), "{output}");
    }
}

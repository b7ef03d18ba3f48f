//! Caching of capabilities, and the conditions of a new call to Vault.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use tokio::{
    io::{AsyncWriteExt, BufReader},
    net::TcpStream,
};

use crate::{
    expect::{granted, refused},
    support::{
        direct::Direct,
        fault::Fault,
        http::Answer,
        platform::{set_policy, token_with},
        raw::read_answer,
        wait::eventually,
    },
};

const TIMEOUT: Duration = Duration::from_secs(5);

/// Grants reading of everything under `route`.
const READ: &str = r#"path "route/*" { capabilities = ["read"] }"#;

async fn get(service: &Direct, path: &str, token: &str) -> Answer {
    service.request("GET", "/", &format!("acl={path}"), token).await
}

#[tokio::test(flavor = "multi_thread")]
async fn capabilities_are_cached_per_token() {
    let service = Direct::start().await;
    let token = token_with(&service.bao, READ).await;
    let calls = async || service.calls("capabilities").await;
    let before = calls().await;
    for _ in 0..3 {
        granted(&get(&service, "route/a", &token).await);
        refused(&get(&service, "other/a", &token).await, "acl_denied");
    }
    assert_eq!(calls().await, before + 2, "a denial is remembered as well");
    let answer = get(&service, "route/a", &token).await;
    assert_eq!(answer.header("x-auth-cache"), Some("hit"));
    refused(&get(&service, "route/a", service.acme.token()).await, "acl_denied");
    assert_eq!(calls().await, before + 3, "another token is another question");
    assert_eq!(service.calls("lookup").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn eviction_removes_capabilities() {
    let service = Direct::start().await;
    let caller = &service.acme.caller;
    for path in [
        format!("/cache/accessors/{}", caller.accessor),
        format!("/cache/entities/{}", caller.entity_id),
        "/cache".to_owned(),
    ] {
        set_policy(&service.bao, "tenant", READ).await;
        service.validator.admin("DELETE", "/cache").await;
        granted(&get(&service, "route/a", &caller.token).await);
        service.bao.must("DELETE", "sys/policies/acl/tenant", None).await;
        granted(&get(&service, "route/a", &caller.token).await);
        assert!(service.validator.admin("DELETE", &path).await.0 < 300);
        refused(&get(&service, "route/a", &caller.token).await, "acl_denied");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn policy_change_applies_within_ttl() {
    let service = Direct::start_with(&[("VALIDATOR_CACHE_TTL", "1s")]).await;
    set_policy(&service.bao, "tenant", READ).await;
    granted(&get(&service, "route/a", service.acme.token()).await);
    service.bao.must("DELETE", "sys/policies/acl/tenant", None).await;
    let answer = eventually(Duration::from_secs(2), "a refusal", async || {
        let answer = get(&service, "route/a", service.acme.token()).await;
        (answer.status != 200).then_some(answer)
    })
    .await;
    refused(&answer, "acl_denied");
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_checks_share_one_call() {
    let service = Direct::start_with(&[("VALIDATOR_VAULT_TIMEOUT", "10s")]).await;
    let token = token_with(&service.bao, READ).await;
    let before = (service.calls("lookup").await, service.calls("capabilities").await);
    let request = format!(
        "GET /validate?acl=route/a&acl=route/b HTTP/1.1\r\nHost: v\r\nX-Vault-Token: {token}\r\n\
         X-Forwarded-Method: GET\r\n\r\n"
    );
    service.bao.freeze();
    let mut streams = Vec::new();
    for _ in 0..50 {
        let address = service.validator.auth_address();
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        stream.write_all(request.as_bytes()).await.expect("the request is sent");
        streams.push(BufReader::new(stream));
    }
    service.bao.thaw();
    let answers = streams.iter_mut().map(read_answer);
    for answer in join_all(answers).await {
        granted(&answer.expect("an answer").into());
    }
    let after = (service.calls("lookup").await, service.calls("capabilities").await);
    assert_eq!(after, (before.0 + 1, before.1 + 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn check_detects_revoked_token() {
    let service = Direct::start().await;
    let token = token_with(&service.bao, READ).await;
    granted(&get(&service, "route/a", &token).await);
    service.bao.must("POST", "auth/token/revoke", Some(json!({ "token": token }))).await;
    granted(&get(&service, "route/a", &token).await);
    refused(&get(&service, "route/b", &token).await, "token_invalid");
    refused(&get(&service, "route/a", &token).await, "token_invalid");
    refused(&service.ask(&token).await, "token_invalid");
    assert_eq!(service.calls("lookup").await, 1, "the rejection is cached");
}

#[tokio::test(flavor = "multi_thread")]
async fn check_detects_disabled_entity() {
    let service = Direct::start().await;
    let caller = &service.acme.caller;
    granted(&service.ask(&caller.token).await);
    let path = format!("identity/entity/id/{}", caller.entity_id);
    service.bao.must("POST", &path, Some(json!({"disabled": true}))).await;
    refused(&get(&service, "route/a", &caller.token).await, "token_invalid");
    refused(&service.ask(&caller.token).await, "token_invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_check_is_not_cached() {
    let service = Direct::start().await;
    let token = token_with(&service.bao, READ).await;
    granted(&service.ask(&token).await);
    for (fault, code) in [
        (Fault::Status(500, r#"{"errors":["no"]}"#), "vault_unavailable"),
        (Fault::Status(503, r#"{"errors":["Vault is sealed"]}"#), "vault_sealed"),
        (Fault::Status(429, r#"{"errors":["quota"]}"#), "vault_throttled"),
        (Fault::Status(400, r#"{"errors":["leadership lost"]}"#), "vault_unavailable"),
        (Fault::Status(200, r#"{"data":{}}"#), "vault_unavailable"),
        (Fault::Status(200, r#"{"data":{"capabilities":["read"]}}"#), "vault_unavailable"),
        (Fault::Status(200, r#"{"data":{"route/b":["read"]}}"#), "vault_unavailable"),
        (Fault::Status(200, r#"{"data":{"route/a":"read"}}"#), "vault_unavailable"),
        (Fault::Garbage, "vault_unavailable"),
    ] {
        service.fault.set_for("/v1/sys/capabilities", fault).await;
        refused(&get(&service, "route/a", &token).await, code);
    }
    granted(&service.ask(&token).await);
    service.fault.set(Fault::Pass).await;
    granted(&get(&service, "route/a", &token).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn stale_grace_covers_cached_paths_only() {
    let grace = [
        ("VALIDATOR_CACHE_TTL", "1s"),
        ("VALIDATOR_STALE_GRACE", "30s"),
        ("VALIDATOR_VAULT_TIMEOUT", "300ms"),
    ];
    let service = Direct::start_with(&grace).await;
    let token = token_with(&service.bao, READ).await;
    granted(&get(&service, "route/a", &token).await);
    service.bao.freeze();
    let stale = eventually(TIMEOUT, "a stale answer", async || {
        let answer = get(&service, "route/a", &token).await;
        (answer.header("x-auth-cache") == Some("stale")).then_some(answer)
    })
    .await;
    granted(&stale);
    refused(&service.request("POST", "/", "acl=route/a", &token).await, "acl_denied");
    refused(&get(&service, "route/b", &token).await, "vault_unavailable");
}

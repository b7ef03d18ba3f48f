//! Requests with `X-Vault-Index`, whose decision includes every change that was complete before.

use serde_json::json;

use super::cache;
use crate::{
    expect::{granted, refused},
    support::{direct::Direct, http::Answer, platform, stack::bearer},
};

/// Validates a token as a client does that has just changed something.
async fn ask_current(service: &Direct, query: &str, token: &str) -> Answer {
    let authorization = bearer(token);
    let headers = [
        ("authorization", authorization.as_str()),
        ("x-vault-index", "eyJjbHVzdGVyIjoieCIsInZhbHVlIjoiMSJ9"),
        ("x-forwarded-method", "GET"),
        ("x-forwarded-uri", "/"),
    ];
    service.validator.validate(query, &headers).await
}

#[tokio::test(flavor = "multi_thread")]
async fn current_decision_ignores_the_cache() {
    // Without a feed, so that nothing else ends what is cached.
    let service = Direct::start().await;
    let bao = &service.bao;
    let token = service.acme.token();
    cache(&service, token).await;
    granted(&ask_current(&service, "", token).await);
    assert_eq!(ask_current(&service, "", token).await.header("x-auth-cache"), Some("miss"));
    assert_eq!(service.ask(token).await.header("x-auth-cache"), Some("hit"));
    assert_eq!(bao.request_as(token, "POST", "auth/token/revoke-self", None).await.0, 204);
    granted(&service.ask(token).await);
    refused(&ask_current(&service, "", token).await, "token_invalid");
    refused(&service.ask(token).await, "token_invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn current_decision_includes_policies() {
    let service = Direct::start().await;
    let bao = &service.bao;
    let allowed = "path \"route/crm\" { capabilities = [\"read\"] }";
    platform::set_policy(bao, "crm", allowed).await;
    let token = platform::token(bao, json!({"policies": ["crm"], "ttl": "1h"})).await;
    let ask = async || service.request("GET", "/", "acl=route/crm", &token).await;
    granted(&ask().await);
    bao.must("DELETE", "sys/policies/acl/crm", None).await;
    granted(&ask().await);
    refused(&ask_current(&service, "acl=route/crm", &token).await, "acl_denied");
    refused(&ask().await, "acl_denied");
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_token_with_index_is_looked_up_once() {
    let service = Direct::start_with(&[("VALIDATOR_NEGATIVE_TTL", "60s")]).await;
    let lookups = service.calls("lookup").await;
    for _ in 0..5 {
        refused(&ask_current(&service, "", "s.invalid").await, "token_invalid");
    }
    assert_eq!(service.calls("lookup").await, lookups + 1);
}

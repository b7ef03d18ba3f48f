//! Tokens with a limited number of uses.

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    expect::{granted, refused},
    support::{
        bao::Bao,
        direct::Direct,
        fault::Fault,
        http,
        platform::{self, set_policy},
    },
};

/// Creates a token with three uses, with or without Vault's policy `default`.
async fn three_uses(bao: &Bao, without_default: bool) -> String {
    set_policy(bao, "route", r#"path "route/*" { capabilities = ["read"] }"#).await;
    let options = json!({
        "policies": ["tenant", "route"],
        "num_uses": 3,
        "no_default_policy": without_default,
        "ttl": "1h",
    });
    platform::token(bao, options).await
}

/// Returns the remaining uses according to Vault.
async fn left(bao: &Bao, token: &str) -> Value {
    let answer = bao.must("POST", "auth/token/lookup", Some(json!({ "token": token }))).await;
    answer["data"]["num_uses"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_use_is_one_uncached_lookup() {
    let service = Direct::start().await;
    for (number, query) in
        ["", "acl=route/a", "policy=route&acl=route/a&acl_uri=route"].into_iter().enumerate()
    {
        for without_default in [false, true] {
            let token = three_uses(&service.bao, without_default).await;
            for uses in [json!(3), json!(2), json!(1)] {
                assert_eq!(left(&service.bao, &token).await, uses);
                let answer = service.request("GET", "/b", query, &token).await;
                granted(&answer);
                assert_eq!(answer.header("x-auth-cache"), Some("miss"));
            }
            for _ in 0..2 {
                let answer = service.request("GET", "/b", query, &token).await;
                refused(&answer, "token_invalid");
            }
        }
        assert_eq!(service.calls("spend").await, 6 * (number as u64 + 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_uses_are_limited() {
    let service = Direct::start_with(&[("VALIDATOR_VAULT_TIMEOUT", "20s")]).await;
    let client = http::client();
    for query in ["", "acl=route/a"] {
        for without_default in [false, true] {
            let token = three_uses(&service.bao, without_default).await;
            let mut requests = JoinSet::new();
            for _ in 0..50 {
                let url = format!("{}/validate?{query}", service.validator.auth_url());
                let (client, token) = (client.clone(), token.clone());
                requests.spawn(async move {
                    let headers = [("x-vault-token", &*token), ("x-forwarded-method", "GET")];
                    http::send(&client, "GET", &url, &headers, None).await
                });
            }
            let mut accepted = 0;
            for answer in requests.join_all().await {
                let answer = answer.expect("an answer");
                if answer.status == 200 {
                    granted(&answer);
                    accepted += 1;
                } else {
                    refused(&answer, "token_invalid");
                }
            }
            assert_eq!(accepted, 3, "`{query}`, without default: {without_default}");
        }
    }
}

/// Vault counts a use before the lookup that makes it. A token that ends in between, with its last
/// use by another request, is unknown to that lookup.
#[tokio::test(flavor = "multi_thread")]
async fn last_use_before_expiry_is_allowed() {
    let service = Direct::start().await;
    let token = three_uses(&service.bao, false).await;
    let ended = Fault::Status(403, r#"{"errors":["bad token"]}"#);
    service.fault.set_for("/v1/auth/token/lookup-self", ended).await;
    granted(&service.ask(&token).await);
    let refusal = Fault::Status(403, r#"{"errors":["permission denied"]}"#);
    service.fault.set_for("/v1/auth/token/lookup-self", refusal).await;
    refused(&service.ask(&token).await, "token_invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn denied_request_consumes_use() {
    let service = Direct::start().await;
    let token = three_uses(&service.bao, false).await;
    for (query, code) in [("tenant=acme", "tenant_mismatch"), ("acl=other", "acl_denied")] {
        refused(&service.request("GET", "/", query, &token).await, code);
    }
    assert_eq!(left(&service.bao, &token).await, json!(1));
    granted(&service.ask(&token).await);
    refused(&service.require("tenant=acme", &token).await, "token_invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_lookups_consume_uses() {
    let service = Direct::start().await;
    let token = three_uses(&service.bao, false).await;
    refused(&service.require("tenant=", &token).await, "requirement_invalid");
    let other = [("x-vault-token", token.as_str()), ("authorization", "Bearer other")];
    refused(&service.validator.validate("", &other).await, "credential_conflict");
    assert_eq!(left(&service.bao, &token).await, json!(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn outage_consumes_no_use() {
    let service = Direct::start_with(&[("VALIDATOR_STALE_GRACE", "30s")]).await;
    let token = three_uses(&service.bao, false).await;
    granted(&service.ask(&token).await);
    for (path, query) in [
        ("/v1/auth/token/lookup-self", ""),
        ("/v1/auth/token/lookup", ""),
        ("/v1/sys/capabilities", "acl=route/a"),
    ] {
        service.fault.set_for(path, Fault::Status(500, r#"{"errors":["no"]}"#)).await;
        let answer = service.request("GET", "/", query, &token).await;
        refused(&answer, "vault_unavailable");
    }
    service.fault.set(Fault::Pass).await;
    assert_eq!(left(&service.bao, &token).await, json!(2));
    granted(&service.ask(&token).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn bound_limited_token_keeps_its_uses() {
    let service = Direct::start().await;
    let options = json!({"policies": ["tenant"], "bound_cidrs": ["127.0.0.0/8"], "num_uses": 3});
    let token = platform::token(&service.bao, options).await;
    for address in ["127.0.0.1", "192.0.2.1"] {
        refused(&service.from(address, "", &token).await, "token_not_allowed");
    }
    refused(&service.ask(&token).await, "token_not_allowed");
    assert_eq!(left(&service.bao, &token).await, json!(3));
    assert_eq!(service.calls("spend").await, 0);
}

//! Attacks with tokens, tenants and addresses.

use serde_json::json;

use super::{request, send};
use crate::{
    expect::{granted, refused},
    support::{
        direct::Direct,
        platform::{self, set_policy},
        stack::Stack,
    },
};

#[tokio::test(flavor = "multi_thread")]
async fn a23_similar_token_is_rejected() {
    let service = Direct::start().await;
    let token = service.acme.token();
    granted(&service.ask(token).await);
    granted(&service.ask(token).await);
    let lookups = service.calls("lookup").await;
    let cut = &token[..token.len() - 1];
    for near in [
        token.to_uppercase(),
        token.to_lowercase(),
        format!("{token}a"),
        format!("{token}."),
        format!("{token}.root"),
        cut.to_owned(),
        format!("a{token}"),
        token.replacen("s.", "hvs.", 1),
    ] {
        refused(&service.ask(&near).await, "token_invalid");
    }
    assert!(service.calls("lookup").await > lookups, "Vault was not asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a46_wildcard_tenant_is_refused() {
    let service = Direct::start().await;
    for (number, tenant) in ["*", "+", "a/b", "acme/*"].into_iter().enumerate() {
        let name = format!("wide-{number}");
        let metadata = json!({ "tenant": tenant });
        let caller = platform::create_caller(&service.bao, &name, metadata, &["tenant"]).await;
        refused(&service.ask(&caller.token).await, "token_not_allowed");
        let own = "auth/token/lookup-self";
        let (status, _) = service.bao.request_as(&caller.token, "GET", own, None).await;
        assert_eq!(status, 400, "OpenBao has something to say to a tenant {tenant}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a34_guessed_tokens_are_limited() {
    let stack = Stack::start_with(&[("VALIDATOR_FAILURE_LIMIT", "5")]).await;
    let known = [("x-vault-token", stack.acme.token())];
    let crm = Stack::crm(&stack.acme);
    assert_eq!(stack.get(&crm, &known).await.status, 200);
    let guess = async |number: u32| {
        let token = format!("s.{number:024}");
        // The client may forge its address.
        let address = format!("192.0.2.{}", number % 250);
        let headers = [("x-vault-token", token.as_str()), ("x-forwarded-for", &address)];
        stack.get("api.localhost", &headers).await
    };
    for number in 0..5 {
        refused(&guess(number).await, "token_invalid");
    }
    for number in 5..40 {
        refused(&guess(number).await, "too_many_failures");
    }
    let lookups = stack.validator.count("vault_requests_total{operation=\"lookup\"}").await;
    assert_eq!(lookups, 6, "guesses reach Vault");
    assert_eq!(stack.get(&crm, &known).await.status, 200, "a caller who is known");
}

#[tokio::test(flavor = "multi_thread")]
async fn a47_other_identifiers_are_no_tokens() {
    let service = Direct::start().await;
    let caller = &service.acme.caller;
    for other in [caller.accessor.as_str(), &caller.entity_id, &caller.role.role_id] {
        refused(&service.ask(other).await, "token_invalid");
    }
    let bao = &service.bao;
    bao.must("PUT", "sys/namespaces/team", None).await;
    let path = "team/auth/token/create";
    let made = bao.must("POST", path, Some(json!({"policies": ["default"]}))).await;
    let foreign = made["auth"]["client_token"].as_str().expect("a token");
    refused(&service.ask(foreign).await, "token_not_allowed");
    let suffix = foreign.rsplit('.').next().expect("the namespace's id");
    let crossed = format!("{}.{suffix}", service.acme.token());
    let answer = service.ask(&crossed).await;
    assert!(matches!(answer.status, 401 | 403), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a53_untrusted_peer_cannot_forward() {
    let service = Direct::start_with(&[
        ("VALIDATOR_TRUSTED_PROXIES", "192.0.2.0/24"),
        ("VALIDATOR_FAILURE_LIMIT", "2"),
    ])
    .await;
    let policy = "path \"route/crm\" { capabilities = [\"read\"] }";
    set_policy(&service.bao, "crm-agent", policy).await;
    let ask = async |query: &str, token: &str, lines: &str| {
        let token = format!("X-Vault-Token: {token}\r\n");
        let line = format!("GET /validate?{query} HTTP/1.1");
        send(service.validator.auth_address(), request(&line, "v", &[&token, lines])).await
    };
    let acme = service.acme.token();
    let forwarded =
        "X-Forwarded-Method: GET\r\nX-Forwarded-Uri: /\r\nX-Forwarded-For: 10.1.2.3\r\n";
    for query in ["acl=route/crm", "acl_uri=route"] {
        refused(&ask(query, acme, forwarded).await, "request_invalid");
    }
    let options = json!({"policies": ["tenant"], "bound_cidrs": ["10.0.0.0/8"]});
    let bound = platform::token(&service.bao, options).await;
    refused(&ask("", &bound, forwarded).await, "address_not_allowed");
    for number in 0..4 {
        let lines = format!("X-Forwarded-For: 10.0.0.{number}\r\n");
        let answer = ask("", &format!("s.guess{number}"), &lines).await;
        let code = if number < 2 { "token_invalid" } else { "too_many_failures" };
        refused(&answer, code);
    }
}

//! Access to a secret: only for callers that Vault allows.

use serde_json::{Value, json};

use crate::{
    expect::{problem, refused},
    support::{direct::Direct, http, platform},
};

const CRM: &str = "/v1/tenants/acme/secrets/crm";

/// A platform on which acme has a secret.
async fn with_a_secret(env: &[(&str, &str)]) -> Direct {
    let service = Direct::start_with(env).await;
    let body = Some(json!({"data": {"A": "1"}}));
    let created = service.api("PUT", CRM, service.acme.token(), &[], body).await;
    assert_eq!(created.status, 201, "{created:?}");
    service
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_tenants_token_is_refused() {
    let service = with_a_secret(&[]).await;
    let body = Some(json!({"data": {"A": "2"}}));
    for (method, path, body) in [
        ("GET", CRM, None),
        ("GET", "/v1/tenants/acme/secrets/none", None),
        ("GET", "/v1/tenants/acme/secrets", None),
        ("PUT", CRM, body.clone()),
        ("PATCH", CRM, body),
        ("DELETE", CRM, None),
        ("GET", "/v1/tenants/nobody/secrets/crm", None),
    ] {
        let answer = service.api(method, path, service.globex.token(), &[], body).await;
        problem(&answer, 403, "acl_denied");
    }
    let read = service.api("GET", CRM, service.acme.token(), &[], None).await;
    assert_eq!((&read.json()["version"], &read.json()["data"]["A"]), (&json!(1), &json!("1")));
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_match_validate() {
    let service = with_a_secret(&[("VALIDATOR_FAILURE_LIMIT", "3")]).await;
    let url = format!("{}{CRM}", service.validator.api_url());
    let ask = async |headers: &[(&str, &str)]| {
        http::send(&http::client(), "GET", &url, headers, None).await.expect("an answer")
    };
    problem(&ask(&[]).await, 401, "credential_missing");
    let two = [("x-vault-token", "s.a"), ("authorization", "Bearer s.b")];
    problem(&ask(&two).await, 401, "credential_conflict");
    let in_query = ask(&[("accept", "*/*")]).await;
    assert_eq!(in_query.status, 401);
    let wrapping = service.bao.wrapped("POST", "sys/wrapping/wrap", Some(json!({"a": 1}))).await;
    for token in [service.bao.root_token(), &wrapping] {
        problem(&ask(&[("x-vault-token", token)]).await, 403, "token_not_allowed");
    }
    let unwrapped = service.bao.request_as(&wrapping, "POST", "sys/wrapping/unwrap", None).await;
    assert_eq!(unwrapped.0, 200, "it was not spent");
    let address = ("x-forwarded-for", "192.0.2.1");
    problem(&ask(&[("x-vault-token", "a b"), address]).await, 401, "credential_malformed");
    for token in ["s.unknown", "s.another", "s.third"] {
        problem(&ask(&[("x-vault-token", token), address]).await, 401, "token_invalid");
    }
    let answer = ask(&[("x-vault-token", "s.unknown"), address]).await;
    problem(&answer, 429, "too_many_failures");
}

#[tokio::test(flavor = "multi_thread")]
async fn token_expiring_in_cache_is_refused() {
    let service = with_a_secret(&[("VALIDATOR_CACHE_TTL", "600s")]).await;
    let caller = &service.acme.caller;
    let read = async || service.api("GET", CRM, &caller.token, &[], None).await;
    assert_eq!(read().await.status, 200);
    let path = format!("identity/entity/id/{}", caller.entity_id);
    let disable = async |disabled: bool| {
        service.bao.must("POST", &path, Some(json!({ "disabled": disabled }))).await;
    };
    disable(true).await;
    problem(&read().await, 401, "token_invalid");
    disable(false).await;
    let revoke = json!({"token": caller.token});
    let known = platform::log_in(&service.bao, &caller.role).await;
    let other = known["client_token"].as_str().expect("a token");
    assert_eq!(service.api("GET", CRM, other, &[], None).await.status, 200);
    service.bao.must("POST", "auth/token/revoke", Some(revoke)).await;
    problem(&read().await, 401, "token_invalid");
    let metadata = json!({"metadata": {"tenant": "globex"}});
    service.bao.must("POST", &path, Some(metadata)).await;
    problem(&service.api("GET", CRM, other, &[], None).await, 403, "acl_denied");
}

/// A role of acme's whose tokens are like this; a token of it.
async fn token_of_acme(service: &Direct, name: &str, settings: Value) -> String {
    let metadata = json!({"tenant": "acme"});
    let caller = platform::create_caller(&service.bao, name, metadata, &["tenant"]).await;
    let path = format!("auth/approle/role/{name}");
    service.bao.must("POST", &path, Some(settings)).await;
    let auth = platform::log_in(&service.bao, &caller.role).await;
    auth["client_token"].as_str().expect("a token").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn bound_token_is_checked_by_address() {
    let service = with_a_secret(&[]).await;
    let near = json!({"token_bound_cidrs": ["10.0.0.0/8", "127.0.0.1/32"]});
    let near = token_of_acme(&service, "near", near).await;
    let from = async |token: &str, address: &str| {
        service.api("GET", CRM, token, &[("x-forwarded-for", address)], None).await
    };
    assert_eq!(from(&near, "10.1.2.3").await.status, 200, "both addresses are among them");
    problem(&from(&near, "192.0.2.1").await, 403, "address_not_allowed");
    let bound = json!({"policies": ["tenant"], "bound_cidrs": ["10.0.0.0/8"], "ttl": "1h"});
    let bound = platform::token(&service.bao, bound).await;
    problem(&from(&bound, "10.1.2.3").await, 403, "address_not_allowed");
}

#[tokio::test(flavor = "multi_thread")]
async fn vault_calls_spend_token_uses() {
    let service = with_a_secret(&[]).await;
    let settings = json!({"token_num_uses": 5});
    let token = token_of_acme(&service, "counted", settings).await;
    for _ in 0..2 {
        let read = service.api("GET", CRM, &token, &[], None).await;
        assert_eq!(read.status, 200, "the record, and to decrypt: {read:?}");
    }
    let uses = json!({ "token": token });
    let left = service.bao.must("POST", "auth/token/lookup", Some(uses)).await;
    assert_eq!(left["data"]["num_uses"], 1);
    let caller = service.api("GET", "/v1/whoami", &token, &[], None).await;
    assert_eq!(caller.json()["tenant"], "acme");
    refused(&service.ask(&token).await, "token_invalid");
}

/// As `docs/secrets.md` says.
#[tokio::test(flavor = "multi_thread")]
async fn versions_and_undelete_spend_uses() {
    let service = with_a_secret(&[]).await;
    service.api("DELETE", CRM, service.acme.token(), &[], None).await;
    let settings = json!({"token_num_uses": 50});
    let token = token_of_acme(&service, "counted", settings).await;
    let undelete = format!("{CRM}/undelete?version=1");
    let versions = format!("{CRM}/versions");
    let mut left = 50;
    for (method, path, spent) in [
        ("GET", &versions, 2),
        ("POST", &undelete, 3),
        ("POST", &undelete, 1),
        ("GET", &versions, 3),
    ] {
        let answer = service.api(method, path, &token, &[], None).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        left -= spent;
        let report = Some(json!({ "token": token }));
        let report = service.bao.must("POST", "auth/token/lookup", report).await;
        assert_eq!(report["data"]["num_uses"], left, "{method} {path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn caller_information_is_returned() {
    let service = Direct::start().await;
    let caller = &service.acme.caller;
    let answer = service.api("GET", "/v1/whoami", &caller.token, &[], None).await;
    let mut report = answer.json();
    assert!(report["expires_at"].take().as_str().is_some_and(|time| time.ends_with('Z')));
    let expected = json!({
        "subject": caller.subject(),
        "entity_id": caller.entity_id,
        "tenant": "acme",
        "policies": ["crm-agent", "default", "tenant"],
        "token_type": "service",
        "expires_at": null,
    });
    assert_eq!((answer.status, report), (200, expected));
    let options = json!({"policies": ["tenant"], "type": "batch", "ttl": "1h"});
    let batch = platform::token(&service.bao, options).await;
    let report = service.api("GET", "/v1/whoami", &batch, &[], None).await.json();
    assert_eq!((&report["tenant"], &report["token_type"]), (&Value::Null, &json!("batch")));
    let unknown = service.api("GET", "/v1/whoami", "s.unknown", &[], None).await;
    problem(&unknown, 401, "token_invalid");
}

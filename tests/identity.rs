//! The identity headers of accepted callers.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use crate::{
    expect::{IDENTITY, granted, refused},
    support::{
        backend::received,
        bao::Bao,
        direct::Direct,
        http,
        platform::{self, create_caller},
        stack::{Stack, bearer},
    },
};

/// Returns `X-Auth-Tenant` of the caller with this token, which has to be accepted.
async fn tenant_of(service: &Direct, token: &str) -> String {
    granted(&service.ask(token).await)[2].to_owned()
}

/// Looks this token up at Vault.
pub(crate) async fn lookup(bao: &Bao, token: &str) -> Value {
    let answer = bao.must("POST", "auth/token/lookup", Some(json!({ "token": token }))).await;
    answer["data"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn valid_token_returns_identity() {
    let service = Direct::start().await;
    let answer =
        service.require("tenant=acme&policy=crm-admin,crm-agent", service.acme.token()).await;
    let caller = &service.acme.caller;
    let [subject, entity_id, tenant, policies, token_type, expires] = granted(&answer);
    assert_eq!(subject, "entity:acme", "not the role id");
    assert_eq!(entity_id, caller.entity_id);
    assert_eq!(tenant, "acme");
    assert_eq!(policies, "crm-agent,default,tenant");
    assert_eq!(token_type, "service");
    assert_eq!(answer.header("x-auth-cache"), Some("miss"));
    let exact = lookup(&service.bao, &caller.token).await["expire_time"].clone();
    let exact = exact.as_str().expect("a time");
    let (to_the_second, _) = exact.split_once('.').expect("a fraction");
    assert_eq!(expires, format!("{to_the_second}Z"), "RFC 3339, in UTC, no later than Vault's");
}

#[tokio::test(flavor = "multi_thread")]
async fn method_does_not_change_response() {
    let service = Direct::start().await;
    for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"] {
        let url = format!("{}/validate?tenant=acme", service.validator.auth_url());
        let headers = [("x-vault-token", service.acme.token())];
        let answer = http::send(&http::client(), method, &url, &headers, None).await;
        let answer = answer.expect("an answer");
        assert_eq!(answer.status, 200, "{method}");
        assert_eq!(answer.header("x-auth-tenant"), Some("acme"), "{method}");
        assert_eq!(answer.body, "", "{method}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_identity_headers_are_removed() {
    let stack = Stack::start().await;
    let forged: Vec<(&str, &str)> = IDENTITY
        .into_iter()
        .chain(["x-auth-cache", "x-auth-role", "X-AUTH-TENANT"])
        .map(|name| (name, "forged"))
        .collect();
    let authorization = bearer(stack.acme.token());
    let headers = [&[("authorization", authorization.as_str())], &forged[..]].concat();
    let answer = stack.get(&Stack::crm(&stack.acme), &headers).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(!answer.body.contains("forged"), "{}", answer.body);
    let seen = answer.json();
    let caller = &stack.acme.caller;
    assert_eq!(received(&seen, "x-auth-tenant"), ["acme"]);
    assert_eq!(received(&seen, "x-auth-entity-id"), [caller.entity_id.as_str()]);
    assert_eq!(received(&seen, "x-auth-subject"), [caller.subject()]);
    assert_eq!(received(&seen, "x-auth-policies"), ["crm-agent,default,tenant"]);
    assert!(!answer.body.contains(stack.acme.token()), "the application has the token");
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_entity_has_empty_headers() {
    let stack = Stack::start().await;
    let options = json!({"policies": ["tenant"], "no_default_policy": true, "ttl": "1h"});
    let token = platform::token(&stack.bao, options).await;
    let answer = stack.validator.validate("", &[("x-vault-token", &token)]).await;
    let [subject, entity_id, tenant, policies, ..] = granted(&answer);
    assert_eq!((subject, entity_id, tenant, policies), ("", "", "", "tenant"));
    let headers = [("x-vault-token", token.as_str()), ("x-auth-tenant", "acme")];
    let seen = stack.get("api.localhost", &headers).await.json();
    let forwarded = received(&seen, "x-auth-tenant").concat();
    assert_eq!(forwarded, "", "a forged tenant stands: {seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn batch_token_uses_entity_policies() {
    let service = Direct::start().await;
    let bao = &service.bao;
    let settings = json!({
        "token_type": "batch",
        "token_ttl": "1h",
        "token_no_default_policy": true,
    });
    let role = platform::app_role(bao, "bare", settings).await;
    let entity = platform::log_in(bao, &role).await["entity_id"].clone();
    let path = format!("identity/entity/id/{}", entity.as_str().expect("an id"));
    let person = json!({"policies": ["crm-agent"], "metadata": {"tenant": "acme"}});
    bao.must("POST", &path, Some(person)).await;
    let auth = platform::log_in(bao, &role).await;
    let token = auth["client_token"].as_str().expect("a token");
    assert_eq!(lookup(bao, token).await["policies"], Value::Null);
    let answer = service.require("tenant=acme&policy=crm-agent", token).await;
    assert_eq!(granted(&answer)[2..5], ["acme", "crm-agent", "batch"]);
    refused(&service.require("policy=crm-admin", token).await, "policy_required");
}

#[tokio::test(flavor = "multi_thread")]
async fn entity_tenant_overrides_policy() {
    let service = Direct::start().await;
    let bao = &service.bao;
    let both = create_caller(bao, "both", json!({"tenant": "acme"}), &["tenant-globex"]).await;
    assert_eq!(tenant_of(&service, &both.token).await, "acme");
    let broken = create_caller(bao, "broken", json!({"tenant": "Acme"}), &["tenant-globex"]).await;
    assert_eq!(tenant_of(&service, &broken.token).await, "", "a policy stood in for it");
    let empty = create_caller(bao, "empty", json!({"tenant": ""}), &["tenant-globex"]).await;
    assert_eq!(tenant_of(&service, &empty.token).await, "", "a policy stood in for it");
}

#[tokio::test(flavor = "multi_thread")]
async fn tenant_falls_back_to_policy() {
    let service = Direct::start().await;
    let bao = &service.bao;
    let with = async |policies: &[&str]| {
        platform::token(bao, json!({"policies": policies, "ttl": "1h"})).await
    };
    assert_eq!(tenant_of(&service, &with(&["tenant-acme", "tenant"]).await).await, "acme");
    assert_eq!(tenant_of(&service, &with(&["tenant-acme", "tenant-globex"]).await).await, "");
    assert_eq!(tenant_of(&service, &with(&["tenant-"]).await).await, "");
    let caller = create_caller(bao, "caller", json!({}), &["tenant-initech"]).await;
    assert_eq!(tenant_of(&service, &caller.token).await, "initech");
}

#[tokio::test(flavor = "multi_thread")]
async fn token_metadata_sets_no_tenant() {
    let service = Direct::start().await;
    let forged = json!({
        "policies": ["default"],
        "meta": {"tenant": "globex"},
        "display_name": "tenant-globex",
        "ttl": "1h",
    });
    let rootless = platform::token(&service.bao, forged.clone()).await;
    assert_eq!(tenant_of(&service, &rootless).await, "");

    let allow = "path \"auth/token/create\" { capabilities = [\"update\"] }";
    platform::set_policy(&service.bao, "mint", allow).await;
    let minter = create_caller(&service.bao, "minter", json!({"tenant": "acme"}), &["mint"]).await;
    let (status, child) =
        service.bao.request_as(&minter.token, "POST", "auth/token/create", Some(forged)).await;
    assert_eq!(status, 200, "{child}");
    let child = child["auth"]["client_token"].as_str().expect("a token");
    assert_eq!(lookup(&service.bao, child).await["meta"]["tenant"], "globex");
    assert_eq!(tenant_of(&service, child).await, "acme");
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_are_merged_and_sorted() {
    let service = Direct::start().await;
    let bao = &service.bao;
    let caller = create_caller(bao, "caller", json!({}), &["zebra", "tenant"]).await;
    let path = format!("identity/entity/id/{}", caller.entity_id);
    bao.must("POST", &path, Some(json!({"policies": ["crm-admin", "tenant"]}))).await;
    let group =
        json!({"name": "all", "policies": ["apple"], "member_entity_ids": [caller.entity_id]});
    bao.must("POST", "identity/group", Some(group)).await;
    let answer = service.require("policy=apple&policy=CRM-Admin", &caller.token).await;
    assert_eq!(granted(&answer)[3], "apple,crm-admin,default,tenant,zebra");
}

#[tokio::test(flavor = "multi_thread")]
async fn batch_token_is_accepted() {
    let service = Direct::start().await;
    let options = json!({"type": "batch", "policies": ["tenant-acme"], "ttl": "1h"});
    let token = platform::token(&service.bao, options).await;
    let answer = service.ask(&token).await;
    let [subject, entity_id, tenant, _, token_type, expires] = granted(&answer);
    assert_eq!((subject, entity_id, tenant, token_type), ("", "", "acme", "batch"));
    let exact = lookup(&service.bao, &token).await["expire_time"].clone();
    assert_eq!(expires, exact.as_str().expect("a time"));

    let role = json!({"token_type": "batch", "token_ttl": "1h", "token_policies": "tenant"});
    let role = platform::app_role(&service.bao, "batches", role).await;
    let auth = platform::log_in(&service.bao, &role).await;
    let answer = service.ask(auth["client_token"].as_str().expect("a token")).await;
    let [subject, entity_id, _, _, token_type, _] = granted(&answer);
    assert!(subject.starts_with("entity:entity_"), "the name that Vault gave it: {subject}");
    assert_eq!((token_type, entity_id), ("batch", auth["entity_id"].as_str().expect("an id")));
}

#[tokio::test(flavor = "multi_thread")]
async fn other_token_types_are_accepted() {
    let service = Direct::start().await;
    for options in [
        json!({"policies": ["tenant"], "period": "1h"}),
        json!({"policies": ["tenant"], "id": "my-own-token"}),
        json!({"policies": ["tenant"], "no_parent": true}),
    ] {
        let token = platform::token(&service.bao, options.clone()).await;
        let [.., policies, token_type, expires] =
            granted(&service.ask(&token).await).map(str::to_owned);
        assert_eq!((policies.as_str(), token_type.as_str()), ("default,tenant", "service"));
        assert!(expires.ends_with('Z'), "{options}: {expires}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn root_token_is_accepted_if_allowed() {
    let service = Direct::start_with(&[("VALIDATOR_ALLOW_ROOT", "true")]).await;
    let answer = service.ask(service.bao.root_token()).await;
    assert_eq!(granted(&answer), ["", "", "", "root", "service", ""]);
    let answer = service.require("tenant=acme", service.bao.root_token()).await;
    assert_eq!(answer.status, 403, "root is of no tenant");
}

#[tokio::test(flavor = "multi_thread")]
async fn token_sources_are_configurable() {
    let sources = [("VALIDATOR_CREDENTIALS", "basic,cookie:vault_token")];
    let service = Direct::start_with(&sources).await;
    let token = service.acme.token();
    let basic = format!("Basic {}", BASE64_STANDARD.encode(format!("anyone:{token}")));
    let cookie = format!("theme=dark; vault_token={token}; other=1");
    for header in [("authorization", basic.as_str()), ("cookie", &cookie)] {
        granted(&service.validator.validate("", &[header]).await);
    }
    let authorization = bearer(token);
    for header in [("authorization", authorization.as_str()), ("x-vault-token", token)] {
        let answer = service.validator.validate("", &[header]).await;
        refused(&answer, "credential_missing");
    }
}

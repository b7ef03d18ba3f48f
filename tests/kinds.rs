//! Tokens of other namespaces, of this service, and of merged or disabled entities.

use serde_json::json;

use crate::{
    expect::{granted, refused},
    support::{
        bao::Bao,
        direct::Direct,
        fault::Fault,
        platform::{self, create_caller, log_in},
    },
};

/// Creates a token in this namespace.
async fn token_of(bao: &mut Bao, namespace: &str) -> String {
    bao.enter(namespace).await;
    let token = platform::token(bao, json!({"policies": ["default"], "ttl": "1h"})).await;
    bao.enter("").await;
    token
}

/// Returns a token that was never issued, with the namespace suffix of this one.
fn made_up_like(token: &str) -> String {
    let (_, namespace) = token.rsplit_once('.').expect("a token of a namespace");
    format!("s.aaaaaaaaaaaaaaaaaaaaaaaa.{namespace}")
}

#[tokio::test(flavor = "multi_thread")]
async fn child_namespace_token_is_rejected() {
    let mut service = Direct::start().await;
    let child = token_of(&mut service.bao, "t1").await;
    for query in ["", "acl=route/a", "tenant=acme"] {
        for _ in 0..2 {
            let answer = service.request("GET", "/", query, &child).await;
            refused(&answer, "token_not_allowed");
        }
    }
    granted(&service.ask(service.acme.token()).await);
    assert_eq!(service.calls("login").await, 1, "the service's own token is not at fault");
}

#[tokio::test(flavor = "multi_thread")]
async fn fake_namespace_token_is_invalid() {
    let mut service = Direct::start_with(&[("VALIDATOR_FAILURE_LIMIT", "2")]).await;
    let child = token_of(&mut service.bao, "t1").await;
    let unknown = made_up_like(&child);
    let another = unknown.replace("s.a", "s.b");
    for _ in 0..2 {
        refused(&service.from("192.0.2.1", "", &unknown).await, "token_invalid");
    }
    assert_eq!(service.calls("lookup").await, 1, "the refusal is remembered");
    refused(&service.from("192.0.2.1", "", &another).await, "token_invalid");
    refused(&service.from("192.0.2.1", "", &unknown).await, "too_many_failures");
    for other in ["s.aaaaaaaaaaaaaaaaaaaaaaaa.zzzzzz", "aaaa.bbbb", "a.b.c", ".", "s."] {
        refused(&service.ask(other).await, "token_invalid");
    }
    granted(&service.ask(service.acme.token()).await);
    assert_eq!(service.calls("login").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn unreadable_namespace_is_unavailable() {
    let mut service = Direct::start().await;
    let child = token_of(&mut service.bao, "t1").await;
    for fault in [Fault::Status(500, r#"{"errors":["no"]}"#), Fault::Garbage] {
        service.fault.set_for("/v1/sys/capabilities", fault).await;
        for token in [&child, &made_up_like(&child)] {
            refused(&service.ask(token).await, "vault_unavailable");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn namespaced_service_rejects_others() {
    let mut bao = Bao::dev().await;
    let of_root = platform::token(&bao, json!({"policies": ["default"], "ttl": "1h"})).await;
    let of_sibling = token_of(&mut bao, "t2").await;
    bao.enter("t1").await;
    let mut service = Direct::on(bao, &[("VAULT_NAMESPACE", "t1")]).await;
    let caller = service.acme.caller.clone();
    let query = "tenant=acme&policy=crm-agent&acl=secret/data/tenants/acme/crm";
    let answer = service.request("GET", "/", query, &caller.token).await;
    let [subject, entity_id, tenant, policies, ..] = granted(&answer);
    assert_eq!((subject, entity_id), (&*caller.subject(), &*caller.entity_id));
    assert_eq!((tenant, policies), ("acme", "crm-agent,default,tenant"));
    let other = service.request("GET", "/", "acl=secret/data/tenants/globex/crm", &caller.token);
    refused(&other.await, "acl_denied");
    let made_up = [made_up_like(&caller.token), made_up_like(&of_sibling), "s.unknown".to_owned()];
    for token in made_up {
        refused(&service.ask(&token).await, "token_invalid");
    }
    for token in [&of_root, &of_sibling] {
        refused(&service.ask(token).await, "token_not_allowed");
    }
    refused(&service.ask(service.bao.root_token()).await, "token_not_allowed");
    let path = format!("identity/entity/id/{}", caller.entity_id);
    service.bao.must("DELETE", &path, None).await;
    service.validator.admin("DELETE", "/cache").await;
    refused(&service.ask(&caller.token).await, "token_invalid");
    service.bao.enter("").await;
    let below = token_of(&mut service.bao, "t3").await;
    refused(&service.ask(&below).await, "token_not_allowed");
    assert_eq!(service.calls("login").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nested_namespace_token_is_rejected() {
    let mut bao = Bao::dev().await;
    bao.enter("t1").await;
    let service = Direct::on(bao, &[("VAULT_NAMESPACE", "/t1/")]).await;
    service.bao.must("POST", "sys/namespaces/sub", Some(json!({}))).await;
    let path = "sub/auth/token/create";
    let options = json!({"policies": ["default"], "ttl": "1h"});
    let answer = service.bao.must("POST", path, Some(options)).await;
    let below = answer["auth"]["client_token"].as_str().expect("a token");
    refused(&service.ask(below).await, "token_not_allowed");
    refused(&service.ask(&made_up_like(below)).await, "token_invalid");
    granted(&service.ask(service.acme.token()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_instances_token_is_rejected() {
    let service = Direct::start().await;
    let auth = log_in(&service.bao, &service.role).await;
    let another = auth["client_token"].as_str().expect("a token");
    for query in ["", "acl=sys/capabilities"] {
        let answer = service.request("POST", "/", query, another).await;
        refused(&answer, "token_not_allowed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn merged_entity_is_valid_unnamed() {
    let service = Direct::start().await;
    let policies = ["crm-agent"];
    let merged = create_caller(&service.bao, "ann", json!({"tenant": "acme"}), &policies).await;
    let bob = json!({"name": "bob", "metadata": {"tenant": "globex"}});
    let into = service.bao.must("POST", "identity/entity", Some(bob)).await["data"]["id"].clone();
    granted(&service.require("tenant=acme", &merged.token).await);
    let ids = json!({"from_entity_ids": [merged.entity_id], "to_entity_id": into});
    service.bao.must("POST", "identity/entity/merge", Some(ids)).await;
    service.validator.admin("DELETE", "/cache").await;
    let answer = service.require("policy=crm-agent", &merged.token).await;
    let [subject, entity_id, tenant, policies, ..] = granted(&answer);
    assert_eq!((subject, tenant), ("", ""), "neither one's nor the other's");
    assert_eq!((entity_id, policies), (&*merged.entity_id, "crm-agent,default"));
    for tenant in ["acme", "globex"] {
        let answer = service.require(&format!("tenant={tenant}"), &merged.token).await;
        refused(&answer, "tenant_mismatch");
    }
    let crm = |tenant| format!("acl=secret/data/tenants/{tenant}/crm");
    granted(&service.request("GET", "/", &crm("globex"), &merged.token).await);
    refused(&service.request("GET", "/", &crm("acme"), &merged.token).await, "acl_denied");

    let path = format!("identity/entity/id/{}", into.as_str().expect("an id"));
    service.bao.must("POST", &path, Some(json!({"disabled": true}))).await;
    service.validator.admin("DELETE", "/cache").await;
    refused(&service.ask(&merged.token).await, "token_invalid");
    service.bao.must("POST", &path, Some(json!({"disabled": false}))).await;
    service.validator.admin("DELETE", "/cache").await;
    granted(&service.ask(&merged.token).await);
    service.bao.must("DELETE", &path, None).await;
    service.validator.admin("DELETE", "/cache").await;
    refused(&service.ask(&merged.token).await, "token_invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn merged_entity_has_no_tenant() {
    let service = Direct::start().await;
    for (name, tenant, named) in [("one", "acme", "globex"), ("two", "globex", "globex")] {
        let into = json!({"name": format!("into-{name}"), "metadata": {"tenant": "acme"}});
        let into = service.bao.must("POST", "identity/entity", Some(into)).await;
        let into = into["data"]["id"].clone();
        let policies = ["tenant", "crm-agent", &format!("tenant-{named}")];
        let metadata = json!({ "tenant": tenant });
        let merged = create_caller(&service.bao, name, metadata, &policies).await;
        assert_eq!(granted(&service.ask(&merged.token).await)[2], tenant);
        let ids = json!({"from_entity_ids": [merged.entity_id], "to_entity_id": into});
        service.bao.must("POST", "identity/entity/merge", Some(ids)).await;
        service.validator.admin("DELETE", "/cache").await;
        assert_eq!(granted(&service.ask(&merged.token).await)[2], "", "{name}");
        for tenant in ["acme", "globex"] {
            let answer = service.require(&format!("tenant={tenant}"), &merged.token).await;
            refused(&answer, "tenant_mismatch");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reenabled_entity_is_accepted() {
    let service = Direct::start_with(&[("VALIDATOR_NEGATIVE_TTL", "0s")]).await;
    let caller = &service.acme.caller;
    let path = format!("identity/entity/id/{}", caller.entity_id);
    service.bao.must("POST", &path, Some(json!({"disabled": true}))).await;
    refused(&service.ask(&caller.token).await, "token_invalid");
    service.bao.must("POST", &path, Some(json!({"disabled": false}))).await;
    granted(&service.ask(&caller.token).await);
}

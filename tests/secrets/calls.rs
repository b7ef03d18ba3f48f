//! The calls of Vault that requests take, and what is not asked again each time.

use serde_json::json;

use crate::{
    expect::problem,
    support::{direct::Direct, http::Answer, platform},
};

const CRM: &str = "/v1/tenants/acme/secrets/crm";

const KINDS: [&str; 6] =
    ["transit_key", "mount", "secret_read", "encrypt", "secret_write", "decrypt"];

async fn calls(service: &Direct) -> Vec<u64> {
    let mut calls = Vec::new();
    for kind in KINDS {
        calls.push(service.calls(kind).await);
    }
    calls
}

async fn get(service: &Direct) -> Answer {
    service.api("GET", CRM, service.acme.token(), &[], None).await
}

async fn put(service: &Direct) -> Answer {
    let body = Some(json!({"data": {"A": "1"}}));
    service.api("PUT", CRM, service.acme.token(), &[], body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn key_and_mount_checks_are_cached() {
    let service = Direct::start().await;
    assert_eq!(put(&service).await.status, 201);
    assert_eq!(calls(&service).await, [1, 1, 1, 1, 1, 0]);
    assert_eq!(put(&service).await.status, 200);
    assert_eq!(calls(&service).await, [1, 1, 2, 2, 2, 0]);
    assert_eq!(get(&service).await.status, 200);
    assert_eq!(calls(&service).await, [1, 1, 3, 2, 2, 1]);
    let globex = "/v1/tenants/globex/secrets/crm";
    let body = Some(json!({"data": {"A": "1"}}));
    let written = service.api("PUT", globex, service.globex.token(), &[], body).await;
    assert_eq!(written.status, 201);
    assert_eq!(calls(&service).await, [2, 1, 4, 3, 3, 1], "another tenant's key, the same mount");
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_key_is_reported() {
    let service = Direct::start().await;
    put(&service).await;
    let deletable = Some(json!({"deletion_allowed": true}));
    service.bao.must("POST", "transit/keys/tenant-acme/config", deletable).await;
    service.bao.must("DELETE", "transit/keys/tenant-acme", None).await;
    problem(&get(&service).await, 404, "key_missing");
    problem(&put(&service).await, 404, "key_missing");
    let unfit = Some(json!({"type": "aes256-gcm96", "derived": false}));
    service.bao.must("POST", "transit/keys/tenant-acme", unfit).await;
    problem(&put(&service).await, 409, "key_unfit");
    problem(&get(&service).await, 409, "key_unfit");
}

#[tokio::test(flavor = "multi_thread")]
async fn replaced_key_is_reported() {
    let service = Direct::start().await;
    put(&service).await;
    let deletable = Some(json!({"deletion_allowed": true}));
    service.bao.must("POST", "transit/keys/tenant-acme/config", deletable).await;
    service.bao.must("DELETE", "transit/keys/tenant-acme", None).await;
    let unfit = Some(json!({"type": "aes256-gcm96", "derived": false}));
    service.bao.must("POST", "transit/keys/tenant-acme", unfit).await;
    problem(&get(&service).await, 409, "key_unfit");
}

#[tokio::test(flavor = "multi_thread")]
async fn precondition_precedes_permission() {
    let service = Direct::start().await;
    put(&service).await;
    let policy = r#"
        path "secret/data/tenants/acme/*" { capabilities = ["create", "read", "update"] }
        path "transit/keys/tenant-acme" { capabilities = ["read"] }
    "#;
    platform::set_policy(&service.bao, "writes-in-vain", policy).await;
    let options = json!({"policies": ["writes-in-vain"], "ttl": "1h"});
    let token = platform::token(&service.bao, options).await;
    for _ in 0..2 {
        for (headers, status, code) in [
            (&[("if-none-match", "*")][..], 412, "version_conflict"),
            (&[("if-match", "\"2\"")], 412, "version_conflict"),
            (&[("if-match", "\"1\"")], 403, "acl_denied"),
            (&[], 403, "acl_denied"),
        ] {
            let body = Some(json!({"data": {"A": "1"}}));
            problem(&service.api("PUT", CRM, &token, headers, body).await, status, code);
        }
    }
}

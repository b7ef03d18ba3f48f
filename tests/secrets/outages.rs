//! Vault failing during a request for a secret: the outcome is unknown and reported as such.

use std::sync::Arc;

use serde_json::json;
use tokio::task::JoinSet;

use crate::{
    expect::problem,
    support::{direct::Direct, fault::Fault},
};

const CRM: &str = "/v1/tenants/acme/secrets/crm";

#[tokio::test(flavor = "multi_thread")]
async fn vault_failure_is_503_and_keeps_secret() {
    let service = Direct::start_with(&[("VALIDATOR_VAULT_TIMEOUT", "1s")]).await;
    let token = service.acme.token();
    let old = json!({"data": {"A": "old"}});
    service.api("PUT", CRM, token, &[], Some(old.clone())).await;
    let calls = ["GET /v1/secret/data/", "POST /v1/transit/", "POST /v1/secret/data/"];
    for (fault, code) in [
        (Fault::Hang, "vault_unavailable"),
        (Fault::Reset, "vault_unavailable"),
        (Fault::Garbage, "vault_unavailable"),
        (Fault::Truncated, "vault_unavailable"),
        (Fault::Huge, "vault_unavailable"),
        (Fault::Redirect("http://127.0.0.1:1/"), "vault_unavailable"),
        (Fault::Status(500, r#"{"errors":["no"]}"#), "vault_unavailable"),
        (Fault::Status(200, "{}"), "vault_unavailable"),
        (Fault::Status(429, r#"{"errors":["rate limit quota exceeded"]}"#), "vault_throttled"),
        (Fault::Status(503, r#"{"errors":["Vault is sealed"]}"#), "vault_sealed"),
    ] {
        for call in calls {
            service.fault.set_for(call, fault).await;
            let new = Some(json!({"data": {"A": "new"}}));
            let written = service.api("PUT", CRM, token, &[], new).await;
            problem(&written, 503, code);
            if call != "POST /v1/secret/data/" {
                problem(&service.api("GET", CRM, token, &[], None).await, 503, code);
            }
            service.fault.set(Fault::Pass).await;
            let read = service.api("GET", CRM, token, &[], None).await;
            assert_eq!(read.json()["data"], old["data"], "{call} {fault:?}");
            assert_eq!(read.json()["version"], 1, "{call} {fault:?}");
        }
        // Of this tenant, no key has been seen yet.
        service.fault.set_for("GET /v1/transit/keys/", fault).await;
        let (path, new) = ("/v1/tenants/globex/secrets/crm", Some(json!({"data": {"A": "new"}})));
        let written = service.api("PUT", path, service.globex.token(), &[], new).await;
        problem(&written, 503, code);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_connection_is_retried_if_safe() {
    let service = Direct::start().await;
    let token = service.acme.token();
    let body = || Some(json!({"data": {"A": "1"}}));
    for call in ["GET /v1/secret/data/", "GET /v1/transit/keys/", "POST /v1/transit/encrypt/"] {
        service.fault.set_for(call, Fault::Hiccup).await;
        let answer = service.api("PUT", CRM, token, &[], body()).await;
        assert!(matches!(answer.status, 200 | 201), "{call}: {answer:?}");
    }
    service.fault.set_for("POST /v1/secret/data/", Fault::Hiccup).await;
    let answer = service.api("PUT", CRM, token, &[], body()).await;
    problem(&answer, 503, "vault_unavailable");
    assert_eq!(service.calls("secret_write").await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn bare_403_does_not_reject_token() {
    let service = Direct::start().await;
    let token = service.acme.token();
    let refused = r#"{"errors":["permission denied"]}"#;
    service.fault.set_for("GET /v1/secret/", Fault::Status(403, refused)).await;
    problem(&service.api("GET", CRM, token, &[], None).await, 403, "acl_denied");
    service.fault.set(Fault::Status(403, refused)).await;
    problem(&service.api("GET", CRM, token, &[], None).await, 503, "not_ready");
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_requests_do_not_block_tenants() {
    let service = Direct::start_with(&[("VALIDATOR_VAULT_TIMEOUT", "20s")]).await;
    let service = Arc::new(service);
    let get = |service: Arc<Direct>| async move {
        service.api("GET", CRM, service.acme.token(), &[], None).await
    };
    problem(&get(Arc::clone(&service)).await, 404, "secret_not_found");
    service.fault.set_for("GET /v1/secret/data/tenants/acme/", Fault::Hang).await;
    let mut busy = JoinSet::new();
    for _ in 0..64 {
        busy.spawn(get(Arc::clone(&service)));
    }
    let path = "/v1/tenants/globex/secrets/crm";
    for _ in 0..20 {
        let other = service.api("GET", path, service.globex.token(), &[], None).await;
        problem(&other, 404, "secret_not_found");
    }
    assert_eq!(service.fault.struck(), 8, "half of what may ask Vault at once");
    for _ in 0..64 - 8 {
        let waited = busy.join_next().await.expect("a request").expect("no panic");
        problem(&waited, 503, "overloaded");
    }
    busy.abort_all();
    service.fault.set(Fault::Pass).await;
    problem(&get(Arc::clone(&service)).await, 404, "secret_not_found");
}

const CONFLICT: &str = r#"{"errors":["1 error occurred:\n\t* transaction commit failed\n\n"]}"#;

#[tokio::test(flavor = "multi_thread")]
async fn storage_conflict_is_retried() {
    let service = Direct::start().await;
    let token = service.acme.token();
    let put = async |value: &str| {
        service.api("PUT", CRM, token, &[], Some(json!({"data": {"A": value}}))).await
    };
    let write = "POST /v1/secret/data/";
    service.fault.set_for(write, Fault::StatusOnce(500, CONFLICT)).await;
    let created = put("1").await;
    assert_eq!((created.status, created.json()["version"].as_u64()), (201, Some(1)));
    let conflict = "vault_requests_total{operation=\"secret_write\",outcome=\"storage_conflict\"}";
    assert_eq!(service.validator.count(conflict).await, 1);
    service.fault.set_for(write, Fault::Status(500, CONFLICT)).await;
    let struck = service.fault.struck();
    problem(&put("2").await, 503, "vault_unavailable");
    assert_eq!(service.fault.struck() - struck, 6);
    service.fault.set_for("POST /v1/secret/delete/", Fault::StatusOnce(500, CONFLICT)).await;
    assert_eq!(service.api("DELETE", CRM, token, &[], None).await.status, 204);
}

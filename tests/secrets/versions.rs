//! The versions of a secret over HTTP, and how a deleted one is brought back.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    expect::problem,
    support::{direct::Direct, fault::Fault, http::Answer, platform, raw::exchange},
};

const CRM: &str = "/v1/tenants/acme/secrets/crm";
const VERSIONS: &str = "/v1/tenants/acme/secrets/crm/versions";

async fn call(service: &Direct, method: &str, path: &str) -> Answer {
    service.api(method, path, service.acme.token(), &[], None).await
}

async fn put(service: &Direct, path: &str, value: &str) {
    let body = Some(json!({"data": {"A": value}}));
    let answer = service.api("PUT", path, service.acme.token(), &[], body).await;
    assert!(matches!(answer.status, 200 | 201), "{answer:?}");
}

async fn destroy(service: &Direct, version: u64) {
    let body = json!({"versions": [version]});
    service.bao.must("PUT", "secret/destroy/tenants/acme/crm", Some(body)).await;
}

/// The versions that the service tells of, each without its times; that these are times is looked at.
async fn versions(service: &Direct, token: &str) -> Vec<Value> {
    let answer = service.api("GET", VERSIONS, token, &[], None).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let mut document = answer.json();
    assert_eq!((&document["tenant"], &document["name"]), (&json!("acme"), &json!("crm")));
    let mut versions = document["versions"].as_array_mut().expect("versions").clone();
    for version in &mut versions {
        let is_time = |time: &Value| time.as_str().is_some_and(|time| time.ends_with('Z'));
        assert!(is_time(&version["created_at"].take()), "{version}");
        let deleted_at = version["deleted_at"].take();
        assert_eq!(is_time(&deleted_at), version["state"] == "deleted", "{version}");
        let version = version.as_object_mut().expect("an object");
        version.retain(|name, _| !name.ends_with("_at"));
    }
    versions
}

fn version(number: u64, state: &str, key_version: Option<u64>) -> Value {
    json!({"version": number, "state": state, "key_version": key_version})
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_are_listed_with_state() {
    let service = Direct::start().await;
    problem(&call(&service, "GET", VERSIONS).await, 404, "secret_not_found");
    for value in ["1", "2", "3"] {
        put(&service, CRM, value).await;
    }
    service.bao.must("POST", "transit/keys/tenant-acme/rotate", None).await;
    put(&service, CRM, "4").await;
    call(&service, "DELETE", CRM).await;
    destroy(&service, 2).await;
    put(&service, CRM, "5").await;
    let expected = [
        version(1, "live", Some(1)),
        version(2, "destroyed", None),
        version(3, "live", Some(1)),
        version(4, "deleted", None),
        version(5, "live", Some(2)),
    ];
    assert_eq!(versions(&service, service.acme.token()).await, expected);
    problem(
        &service.api("GET", VERSIONS, service.globex.token(), &[], None).await,
        403,
        "acl_denied",
    );
    problem(&call(&service, "GET", &format!("{VERSIONS}?version=1")).await, 400, "query_invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn key_version_needs_read_permission() {
    let service = Direct::start().await;
    put(&service, CRM, "1").await;
    let policy = r#"path "secret/metadata/tenants/acme/*" { capabilities = ["read"] }"#;
    let policy = Some(json!({ "policy": policy }));
    service.bao.must("PUT", "sys/policies/acl/metadata-reader", policy).await;
    let metadata = json!({"tenant": "acme"});
    let reader =
        platform::create_caller(&service.bao, "reader", metadata, &["metadata-reader"]).await;
    assert_eq!(versions(&service, &reader.token).await, [version(1, "live", None)]);
    service.fault.set_for("GET /v1/secret/data/", Fault::Status(500, r#"{"errors":["no"]}"#)).await;
    problem(&call(&service, "GET", VERSIONS).await, 503, "vault_unavailable");
}

#[tokio::test(flavor = "multi_thread")]
async fn undelete_skips_live_versions() {
    let service = Direct::start().await;
    for value in ["1", "2"] {
        put(&service, CRM, value).await;
    }
    call(&service, "DELETE", CRM).await;
    put(&service, CRM, "3").await;
    problem(&call(&service, "GET", &format!("{CRM}?version=2")).await, 404, "secret_deleted");
    // The second time, it is so already.
    for _ in 0..2 {
        let answer = call(&service, "POST", &format!("{CRM}/undelete?version=2")).await;
        let mut document = answer.json();
        assert!(document["created_at"].take().is_string());
        let expected = json!({
            "tenant": "acme", "name": "crm", "version": 2, "state": "live", "created_at": null,
            "latest": 3,
        });
        assert_eq!((answer.status, document), (200, expected));
        let older = call(&service, "GET", &format!("{CRM}?version=2")).await;
        assert_eq!(older.json()["data"], json!({"A": "2"}));
        assert_eq!(call(&service, "GET", CRM).await.json()["data"], json!({"A": "3"}));
    }
    assert_eq!(service.calls("secret_delete").await, 2, "what is live is left alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_version_is_not_undeleted() {
    let service = Direct::start().await;
    let undelete =
        async |query: &str| call(&service, "POST", &format!("{CRM}/undelete{query}")).await;
    problem(&undelete("?version=1").await, 404, "secret_not_found");
    put(&service, CRM, "1").await;
    destroy(&service, 1).await;
    problem(&undelete("?version=1").await, 404, "secret_destroyed");
    problem(&undelete("?version=2").await, 404, "version_not_found");
    for query in ["", "?version=0", "?version=1&version=1", "?version=1&x=1"] {
        problem(&undelete(query).await, 400, "query_invalid");
    }
    put(&service, CRM, "2").await;
    call(&service, "DELETE", CRM).await;
    let path = format!("{CRM}/undelete?version=2");
    let globex = service.api("POST", &path, service.globex.token(), &[], None).await;
    problem(&globex, 403, "acl_denied");
    // Vault says that it is done, and it is not.
    service.fault.set_for("POST /v1/secret/undelete/", Fault::Status(204, "")).await;
    problem(&undelete("?version=2").await, 404, "secret_deleted");
    service.fault.set_for("POST /v1/secret/undelete/", Fault::Hang).await;
    problem(&undelete("?version=2").await, 503, "vault_unavailable");
}

#[tokio::test(flavor = "multi_thread")]
async fn cross_site_undelete_is_refused() {
    let service = Direct::start().await;
    put(&service, CRM, "1").await;
    call(&service, "DELETE", CRM).await;
    let path = format!("{CRM}/undelete?version=1");
    let undelete = async |headers: &[(&str, &str)], body: Option<Value>| {
        service.api("POST", &path, service.acme.token(), headers, body).await
    };
    for headers in [
        [("content-type", "application/x-www-form-urlencoded")],
        [("content-type", "text/plain")],
        [("content-type", "multipart/form-data; boundary=x")],
        [("origin", "https://evil.example")],
        [("sec-fetch-site", "cross-site")],
    ] {
        problem(&undelete(&headers, None).await, 415, "media_type_unsupported");
    }
    problem(&undelete(&[], Some(json!({"version": 1}))).await, 422, "body_invalid");
    problem(&call(&service, "GET", CRM).await, 404, "secret_deleted");
    let json = [("content-type", "application/json"), ("origin", "https://app.example")];
    assert_eq!(undelete(&json, None).await.status, 200);
    assert_eq!(undelete(&[], Some(json!({}))).await.status, 200);
}

/// Memory is reserved for the bodies of writes alone.
#[tokio::test(flavor = "multi_thread")]
async fn unexpected_body_is_not_buffered() {
    let service = Direct::start().await;
    put(&service, CRM, "1").await;
    let address = service.validator.api_url().replace("http://", "");
    let blanks = " ".repeat(100);
    for body in [
        format!("Content-Length: 100000\r\n\r\n{blanks}"),
        format!("Transfer-Encoding: chunked\r\n\r\n64\r\n{blanks}\r\n"),
    ] {
        let request = format!(
            "POST {CRM}/undelete?version=1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n{body}",
            service.acme.token()
        );
        // The rest of the body never comes.
        let answer = exchange(&address, request.as_bytes(), Duration::from_secs(3)).await;
        problem(&answer.expect("an answer").into(), 422, "body_invalid");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ambiguous_path_is_refused() {
    let service = Direct::start().await;
    for path in [CRM, "/v1/tenants/acme/secrets/a/b/c/d", "/v1/tenants/acme/secrets/versions"] {
        put(&service, path, "1").await;
        let answer = call(&service, "GET", &format!("{path}/versions")).await;
        assert_eq!(answer.json()["versions"][0]["version"], 1, "{path}");
    }
    for (method, path) in [
        ("PUT", "crm/versions"),
        ("PATCH", "crm/versions"),
        ("DELETE", "crm/versions"),
        ("POST", "crm/versions"),
        ("PUT", "a/b/c/undelete"),
        ("GET", "crm/undelete"),
    ] {
        let path = format!("/v1/tenants/acme/secrets/{path}");
        let body = (method != "GET").then(|| json!({"data": {"A": "1"}}));
        let answer = service.api(method, &path, service.acme.token(), &[], body).await;
        let message = problem(&answer, 405, "method_not_allowed");
        assert!(message.contains("are endpoints"), "{message}");
        let allowed = if path.ends_with("undelete") { "POST" } else { "GET,HEAD" };
        assert_eq!(answer.header("allow"), Some(allowed));
    }
    // What an earlier version of this service has written.
    let record = service.bao.must("GET", "secret/data/tenants/acme/crm", None).await;
    let record = json!({"data": record["data"]["data"]});
    let namesake = "secret/data/tenants/acme/crm/versions";
    service.bao.must("POST", namesake, Some(record)).await;
    let message = problem(&call(&service, "GET", VERSIONS).await, 409, "name_ambiguous");
    assert!(message.contains("the command `secrets`"), "{message}");
    service.bao.must("DELETE", namesake, None).await;
    assert_eq!(versions(&service, service.acme.token()).await, [version(1, "live", Some(1))]);
}

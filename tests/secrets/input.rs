//! Bad input: refused for what it is, and Vault hears nothing of it.

use std::time::Duration;

use serde_json::json;

use crate::{
    expect::problem,
    support::{
        direct::Direct,
        http::{self, Answer},
        raw,
        stack::bearer,
    },
};

const CRM: &str = "/v1/tenants/acme/secrets/crm";

async fn send(
    service: &Direct,
    (method, path): (&str, &str),
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    let authorization = bearer(service.acme.token());
    let headers: Vec<_> =
        [("authorization", &*authorization)].iter().chain(headers).copied().collect();
    let url = format!("{}{path}", service.validator.api_url());
    let body = Some(body.to_owned());
    http::send(&http::client(), method, &url, &headers, body).await.expect("an answer")
}

/// Has the validator look the token up, so that Vault need not be asked about it again.
async fn known(service: &Direct) {
    let caller = service.api("GET", "/v1/whoami", service.acme.token(), &[], None).await;
    assert_eq!(caller.status, 200, "{caller:?}");
}

/// Sends a target as it stands, which an HTTP library might tidy up.
async fn get(service: &Direct, target: &str) -> Answer {
    let address = service.validator.api_url().replace("http://", "");
    let token = service.acme.token();
    let request = format!(
        "GET {target} HTTP/1.1\r\nHost: x\r\nX-Vault-Token: {token}\r\nConnection: close\r\n\r\n"
    );
    let answer = raw::exchange(&address, request.as_bytes(), Duration::from_secs(5));
    answer.await.expect("an answer").into()
}

#[tokio::test(flavor = "multi_thread")]
async fn a45_invalid_name_never_reaches_vault() {
    let service = Direct::start().await;
    let logged = service.bao.audit_log().len();
    let long = "a".repeat(64);
    for name in [
        "CRM",
        "c.rm",
        "..",
        "a/..",
        "a/../b",
        "a%2fb",
        "a%2Fb",
        "%2e%2e",
        "a%00",
        "crm%0a",
        "c*",
        "+",
        "a/b/c/d/e",
        "a//b",
        "a/",
        "/a",
        "crm;x",
        "%63rm",
        "-a",
        "_a",
        "a%5cb",
        "%7Bx%7D",
        "~",
        long.as_str(),
    ] {
        let path = format!("/v1/tenants/acme/secrets/{name}");
        problem(&get(&service, &path).await, 400, "name_invalid");
    }
    for tenant in ["ACME", "ac.me", "..", "acme%2fsecrets", "%61cme", "a*", "+", "-", &long] {
        for path in ["secrets", "secrets/crm"] {
            let path = format!("/v1/tenants/{tenant}/{path}");
            problem(&get(&service, &path).await, 400, "name_invalid");
        }
    }
    for path in ["/v1/tenants//secrets/crm", "/v1/tenants/acme/secrets/", "/v1/tenants/a/b/secrets"]
    {
        let answer = get(&service, path).await;
        assert!(matches!(answer.status, 400 | 404), "{path}: {answer:?}");
    }
    assert_eq!(service.bao.audit_log().len(), logged);
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_query_never_reaches_vault() {
    let service = Direct::start().await;
    let logged = service.bao.audit_log().len();
    for query in [
        "version=0",
        "version=1&version=2",
        "format=yaml",
        "dialect=fish",
        "format=json&dialect=sh",
        "field=a-b",
        "field=A&format=env",
        "token=s.abcdefghijklmnopqrstuvwx",
        "x",
    ] {
        let answer = get(&service, &format!("{CRM}?{query}")).await;
        problem(&answer, 400, "query_invalid");
        assert!(!answer.body.contains("s.abcdef"));
    }
    for path in ["/v1/tenants/acme/secrets?limit=0", "/v1/whoami?x=y"] {
        problem(&get(&service, path).await, 400, "query_invalid");
    }
    let json = [("content-type", "application/json")];
    for method in ["PUT", "PATCH", "DELETE"] {
        let path = format!("{CRM}?version=1");
        let answer = send(&service, (method, &path), &json, r#"{"data":{}}"#).await;
        problem(&answer, 400, "query_invalid");
    }
    assert_eq!(service.bao.audit_log().len(), logged);
}

#[tokio::test(flavor = "multi_thread")]
async fn a50_invalid_body_never_reaches_vault() {
    let service = Direct::start().await;
    known(&service).await;
    let logged = service.bao.audit_log().len();
    let deep = format!(r#"{{"data":{}"#, r#"{"A":"#.repeat(100_000));
    let wide = format!(r#"{{"data":{{{}}}}}"#, vec![r#""A":1"#; 100_000].join(","));
    let huge = format!(r#"{{"data":{{"A":"{}"}}}}"#, "x".repeat(1024 * 1024));
    for (body, status, code) in [
        ("", 400, "body_malformed"),
        ("plain-secret", 400, "body_malformed"),
        (r#"{"data":{"A":"plain-secret"}"#, 400, "body_malformed"),
        (r#"{"data":{"A":1e400}}"#, 400, "body_malformed"),
        (&deep, 400, "body_malformed"),
        (&wide, 422, "body_invalid"),
        (&huge, 413, "body_too_large"),
        ("[]", 422, "body_invalid"),
        ("{}", 422, "body_invalid"),
        (r#"{"data":"plain-secret"}"#, 422, "body_invalid"),
        (r#"{"data":{},"options":{"cas":0}}"#, 422, "body_invalid"),
        (r#"{"data":{},"data":{}}"#, 422, "body_invalid"),
        (r#"{"data":{"A":"1","A":"plain-secret"}}"#, 422, "body_invalid"),
        (r#"{"data":{"plain-secret":"1"}}"#, 422, "body_invalid"),
        (r#"{"data":{"A":12345678}}"#, 422, "body_invalid"),
        (r#"{"data":{"A":["plain-secret"]}}"#, 422, "body_invalid"),
        (r#"{"data":{"A":{"B":"plain-secret"}}}"#, 422, "body_invalid"),
    ] {
        for method in ["PUT", "PATCH"] {
            let json = [("content-type", "application/json")];
            let answer = send(&service, (method, CRM), &json, body).await;
            problem(&answer, status, code);
            assert!(!answer.body.contains("plain-secret") && !answer.body.contains("12345678"));
        }
    }
    let json = [("content-type", "application/json")];
    let null = send(&service, ("PUT", CRM), &json, r#"{"data":{"A":null}}"#).await;
    assert!(problem(&null, 422, "body_invalid").contains("`A`"));
    let chunked = [("transfer-encoding", "chunked"), ("content-type", "application/json")];
    problem(&send(&service, ("PUT", CRM), &chunked, &huge).await, 413, "body_too_large");
    assert_eq!(service.bao.audit_log().len(), logged);
}

#[tokio::test(flavor = "multi_thread")]
async fn incomplete_body_times_out() {
    let service = Direct::start().await;
    known(&service).await;
    let logged = service.bao.audit_log().len();
    let address = service.validator.api_url().replace("http://", "");
    let start = format!(
        "PUT {CRM} HTTP/1.1\r\nHost: x\r\nX-Vault-Token: {}\r\nContent-Type: application/json\r\n",
        service.acme.token()
    );
    let slow = format!("{start}Content-Length: 100\r\n\r\n{{");
    let answer = raw::exchange(&address, slow.as_bytes(), Duration::from_secs(15)).await;
    problem(&answer.expect("an answer").into(), 408, "body_timeout");
    let broken = format!("{start}Transfer-Encoding: chunked\r\n\r\n1\r\n{{\r\nno number\r\n");
    let answer = raw::exchange(&address, broken.as_bytes(), Duration::from_secs(5)).await;
    problem(&answer.expect("an answer").into(), 400, "body_malformed");
    assert_eq!(service.bao.audit_log().len(), logged);
}

#[tokio::test(flavor = "multi_thread")]
async fn a48_cross_site_write_is_refused() {
    let service = Direct::start().await;
    known(&service).await;
    let logged = service.bao.audit_log().len();
    let body = r#"{"data":{"A":"1"}}"#;
    for headers in [
        [].as_slice(),
        &[("content-type", "text/plain")],
        &[("content-type", "application/x-www-form-urlencoded")],
        &[("content-type", "multipart/form-data; boundary=x")],
        &[("content-type", "application/json; charset=latin1")],
        &[("content-type", "application/json"), ("content-encoding", "gzip")],
        &[("content-type", "application/json"), ("content-type", "text/plain")],
    ] {
        for method in ["PUT", "PATCH"] {
            let answer = send(&service, (method, CRM), headers, body).await;
            problem(&answer, 415, "media_type_unsupported");
        }
    }
    let patch = [("content-type", "application/merge-patch+json")];
    problem(&send(&service, ("PUT", CRM), &patch, body).await, 415, "media_type_unsupported");
    assert_eq!(service.bao.audit_log().len(), logged);
    problem(&send(&service, ("PATCH", CRM), &patch, body).await, 404, "secret_not_found");
    let ask = [("origin", "https://evil.example"), ("access-control-request-method", "PUT")];
    let preflight = send(&service, ("OPTIONS", CRM), &ask, "").await;
    assert_eq!(preflight.status, 405);
    for name in ["access-control-allow-origin", "access-control-allow-methods"] {
        assert_eq!(preflight.header(name), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_precondition_is_refused() {
    let service = Direct::start().await;
    let logged = service.bao.audit_log().len();
    for (name, value) in [
        ("if-match", "1"),
        ("if-match", "\"x\""),
        ("if-match", "\"1\", \"2\""),
        ("if-none-match", "\"1\""),
    ] {
        for method in ["PUT", "PATCH", "DELETE"] {
            let headers = [("content-type", "application/json"), (name, value)];
            let answer = send(&service, (method, CRM), &headers, r#"{"data":{}}"#).await;
            assert!(problem(&answer, 400, "precondition_invalid").contains("If-Match"));
        }
    }
    assert_eq!(service.bao.audit_log().len(), logged);
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_methods_and_paths_differ() {
    let service = Direct::start().await;
    for (method, path, allowed) in [
        ("POST", CRM, "GET,HEAD,PUT,PATCH,DELETE"),
        ("PUT", "/v1/tenants/acme/secrets", "GET,HEAD"),
        ("DELETE", "/v1/whoami", "GET,HEAD"),
        ("POST", "/", "GET,HEAD"),
    ] {
        let answer = send(&service, (method, path), &[], "").await;
        problem(&answer, 405, "method_not_allowed");
        assert_eq!(answer.header("allow"), Some(allowed), "{method} {path}");
    }
    for path in ["/v1", "/v1/", "/v1/tenants", "/v1/tenants/acme", "/v2/whoami", "/validate"] {
        problem(&send(&service, ("GET", path), &[], "").await, 404, "not_found");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refusal_has_remedy() {
    let service = Direct::start().await;
    let body = Some(json!({"data": {"KEY": 5}}));
    let answer = service.api("PUT", CRM, service.acme.token(), &[], body).await;
    assert_eq!(problem(&answer, 422, "body_invalid"), "the value of `KEY` is not a string");
    let name = service.api("GET", "/v1/tenants/acme/secrets/CRM", service.acme.token(), &[], None);
    let message = problem(&name.await, 400, "name_invalid");
    assert!(message.contains("[a-z0-9][a-z0-9_-]{0,62}"), "{message}");
}

//! The requirement `mcp`: the method and the name of a call decide, by the headers of the request.

use serde_json::json;

use super::start;
use crate::support::{http::Answer, people::PASSWORD, people::People, stack::bearer};

const ROUTE: &str = "resource=https://mcp.example.com/mcp&mcp=route/mcp";

const POLICY: &str = r#"
path "route/mcp/tools/list" { capabilities = ["read"] }
path "route/mcp/tools/call/send_*" { capabilities = ["update"] }
path "route/mcp/tools/call/send_all" { capabilities = ["deny"] }
path "route/mcp/resources/read/note://*" { capabilities = ["read"] }
"#;

const VERSION: (&str, &str) = ("mcp-protocol-version", "2026-07-28");

/// Starts the platform, and returns a token with the policy.
async fn start_with_caller() -> (People, String) {
    let people = start().await;
    people.bao().must("PUT", "sys/policies/acl/mcp", Some(json!({ "policy": POLICY }))).await;
    people.create("eva", json!({"token_policies": "mcp"})).await;
    let login = Some(json!({ "password": PASSWORD }));
    let login = people.bao().must("POST", "auth/userpass/login/eva", login).await;
    let token = login["auth"]["client_token"].as_str().expect("a token").to_owned();
    (people, token)
}

async fn call(people: &People, token: &str, uri: &str, headers: &[(&str, &str)]) -> Answer {
    let authorization = bearer(token);
    let forwarded = [
        ("authorization", authorization.as_str()),
        ("x-forwarded-method", "POST"),
        ("x-forwarded-uri", uri),
    ];
    let all: Vec<_> = forwarded.iter().chain(headers).copied().collect();
    people.direct.validator.validate(ROUTE, &all).await
}

#[tokio::test(flavor = "multi_thread")]
async fn m09_policy_decides_about_each_call() {
    let (people, token) = start_with_caller().await;
    for (method, name, status) in [
        ("tools/list", None, 200),
        ("tools/call", Some("send_mail"), 200),
        ("tools/call", Some("=?base64?c2VuZF9tYWls?="), 200),
        ("tools/call", Some("send_all"), 403),
        ("tools/call", Some("=?base64?c2VuZF9hbGw=?="), 403),
        ("tools/call", Some("delete"), 403),
        ("resources/read", Some("note://a"), 200),
        ("resources/read", Some("note://a/../b"), 403),
        ("resources/read", Some("file:///a"), 403),
        ("prompts/list", None, 403),
        ("prompts/list", Some("send_mail"), 403),
        ("tools/call", None, 400),
        ("tools/call", Some(""), 400),
        ("tools/call", Some("=?BASE64?c2VuZF9tYWls?="), 400),
        ("TOOLS/CALL", Some("send_mail"), 403),
    ] {
        let mut headers = vec![VERSION, ("mcp-method", method)];
        headers.extend(name.map(|name| ("mcp-name", name)));
        let answer = call(&people, &token, "/mcp", &headers).await;
        assert_eq!(answer.status, status, "{method} {name:?} {answer:?}");
        let error = (status != 200).then(|| answer.json()["error"]["code"].clone());
        let expected = match status {
            400 => Some(json!(-32020)),
            403 => Some(json!(-32001)),
            _ => None,
        };
        assert_eq!(error, expected, "{method} {name:?} {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn m07_denied_call_is_explained_to_the_client() {
    let (people, token) = start_with_caller().await;
    let headers = [VERSION, ("mcp-method", "tools/call"), ("mcp-name", "delete")];
    let answer = call(&people, &token, "/mcp", &headers).await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("www-authenticate"), None, "a login would not change the policy");
    let body = answer.json();
    assert_eq!((body["code"].as_str(), body["status"].as_u64()), (Some("acl_denied"), Some(403)));
    assert_eq!((&body["jsonrpc"], &body["id"]), (&json!("2.0"), &json!(null)));
    let message = body["error"]["message"].as_str().expect("a message");
    assert!(message.contains("tools/call delete"), "{message}");
    assert!(body["request_id"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn m10_other_revisions_are_refused() {
    let (people, token) = start_with_caller().await;
    let method = ("mcp-method", "tools/list");
    for versions in [
        vec![],
        vec!["2025-11-25"],
        vec!["2099-01-01"],
        vec!["2025-11-25", "2026-07-28"],
        vec!["2026-07-28", "2026-07-28"],
    ] {
        let mut headers: Vec<_> =
            versions.iter().map(|version| ("mcp-protocol-version", *version)).collect();
        headers.push(method);
        let answer = call(&people, &token, "/mcp", &headers).await;
        assert_eq!(answer.status, 400, "{versions:?} {answer:?}");
        let error = &answer.json()["error"];
        if versions.len() == 2 {
            assert_eq!(error["code"], -32020);
        } else {
            assert_eq!(error["code"], -32022);
            let requested = versions.first();
            assert_eq!(error["data"], json!({"supported": ["2026-07-28"], "requested": requested}));
        }
    }
    let unauthenticated = people.direct.validator.validate(ROUTE, &[method]).await;
    assert_eq!(unauthenticated.status, 401, "first the token");
}

#[tokio::test(flavor = "multi_thread")]
async fn call_elsewhere_than_at_the_endpoint_is_denied() {
    let (people, token) = start_with_caller().await;
    let headers = [VERSION, ("mcp-method", "tools/list")];
    for (uri, status) in [
        ("/mcp", 200),
        ("/mcp/", 200),
        ("/mcp?a=b", 200),
        ("/admin", 403),
        ("/mcp/admin", 403),
        ("/MCP", 403),
        ("/mcp/../admin", 403),
        ("/%6dcp", 403),
        ("/", 403),
    ] {
        assert_eq!(call(&people, &token, uri, &headers).await.status, status, "{uri}");
    }
    let get = [
        ("authorization", &*bearer(&token)),
        ("x-forwarded-method", "GET"),
        ("x-forwarded-uri", "/mcp"),
        VERSION,
        ("mcp-method", "tools/list"),
    ];
    assert_eq!(people.direct.validator.validate(ROUTE, &get).await.status, 400);
}

//! The metadata documents, and the challenge that leads to them.

use serde_json::json;

use super::{ROUTE, start, start_with, validate};
use crate::support::people::People;

async fn get(people: &People, url: &str) -> crate::support::http::Answer {
    people.person().send("GET", url, &[("mcp-protocol-version", "2026-07-28")], None).await
}

#[tokio::test(flavor = "multi_thread")]
async fn m01_metadata_of_the_resource_needs_no_token() {
    let people = start().await;
    for path in ["", "/", "/mcp", "/mcp/"] {
        let url = format!("https://mcp.example.com/.well-known/oauth-protected-resource{path}");
        let answer = get(&people, &url).await;
        assert_eq!(answer.status, 200, "{url} {answer:?}");
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        assert_eq!(answer.header("cache-control"), Some("public, max-age=300"));
        let expected = json!({
            "resource": "https://mcp.example.com",
            "authorization_servers": ["https://login.example.com"],
            "scopes_supported": ["mcp"],
            "bearer_methods_supported": ["header"],
            "resource_name": "MCP registry",
        });
        assert_eq!(answer.json(), expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn m02_other_documents_are_not_found() {
    let people = start().await;
    for (host, path) in [
        ("mcp", "oauth-authorization-server"),
        ("mcp", "openid-configuration"),
        ("login", "openid-configuration"),
        ("login", "oauth-authorization-server/mcp"),
        ("login", "oauth-protected-resource"),
        ("crm", "oauth-protected-resource"),
        ("crm", "oauth-authorization-server"),
        ("other", "oauth-authorization-server"),
    ] {
        let answer = get(&people, &format!("https://{host}.example.com/.well-known/{path}")).await;
        assert_eq!(answer.status, 404, "{host} {path} {answer:?}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    }
    let plain = get(&people, "http://login.example.com/.well-known/oauth-authorization-server");
    assert_eq!(plain.await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn m03_challenge_names_the_metadata() {
    let people = start().await;
    let metadata =
        "resource_metadata=\"https://mcp.example.com/.well-known/oauth-protected-resource\"";
    let missing = people.direct.validator.validate(ROUTE, &[]).await;
    assert_eq!(missing.status, 401);
    let expected = format!("Bearer realm=\"vault\", scope=\"mcp\", {metadata}");
    assert_eq!(missing.header("www-authenticate"), Some(&*expected));
    assert_eq!(missing.headers.get_all("www-authenticate").iter().count(), 1);
    let invalid = validate(&people, ROUTE, "s.unknown").await;
    let expected =
        format!("Bearer realm=\"vault\", error=\"invalid_token\", scope=\"mcp\", {metadata}");
    assert_eq!((invalid.status, invalid.header("www-authenticate")), (401, Some(&*expected)));
    for other in ["resource=https://other.example.com", "policy=crm-agent"] {
        let answer = people.direct.validator.validate(other, &[]).await;
        assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"vault\""), "{other}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn m13_metadata_of_the_server() {
    for (registration, endpoint) in
        [("false", json!(null)), ("true", json!("https://login.example.com/oauth/register"))]
    {
        let people = start_with(&[("VALIDATOR_OAUTH_REGISTRATION", registration)]).await;
        // The documents do not depend on Vault.
        people.bao().kill();
        let url = "https://login.example.com/.well-known/oauth-authorization-server";
        let answer = get(&people, url).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        let mut found = answer.json();
        let found = found.as_object_mut().expect("an object");
        assert_eq!(found.remove("registration_endpoint").unwrap_or_default(), endpoint);
        let expected = json!({
            "issuer": "https://login.example.com",
            "authorization_endpoint": "https://login.example.com/oauth/authorize",
            "token_endpoint": "https://login.example.com/oauth/token",
            "revocation_endpoint": "https://login.example.com/oauth/revoke",
            "scopes_supported": ["mcp"],
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "token_endpoint_auth_methods_supported": ["none"],
            "revocation_endpoint_auth_methods_supported": ["none"],
            "code_challenge_methods_supported": ["S256"],
            "ui_locales_supported": ["es", "en"],
            "authorization_response_iss_parameter_supported": true,
            "client_id_metadata_document_supported": true,
        });
        assert_eq!(&json!(found), &expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn m11_endpoints_answer_preflight_requests() {
    let people = start().await;
    for path in ["/oauth/token", "/oauth/revoke", "/.well-known/oauth-authorization-server"] {
        let headers = [
            ("origin", "https://app.example.net"),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "mcp-protocol-version,content-type"),
        ];
        let url = format!("https://login.example.com{path}");
        let answer = people.person().send("OPTIONS", &url, &headers, None).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        let allowed = answer.header("access-control-allow-headers");
        assert_eq!(allowed, Some("mcp-protocol-version,content-type"));
        assert_eq!(answer.header("access-control-allow-credentials"), None);
    }
}

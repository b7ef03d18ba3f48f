//! The responses without a call: the challenge, the metadata, preflight requests and foreign pages.

use super::{McpFronts, TOOLS, lines, named, post, request};
use crate::support::{
    edge::{Edge, LOGIN_HOST, MCP_HOST, MCP_RESOURCE, ORIGIN},
    http::Answer,
};

const METADATA: &str = "/.well-known/oauth-protected-resource";

async fn get(edge: &Edge, host: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    edge.send_to(host, "GET", path, headers, None).await
}

/// Asserts that a response has one line with the challenge, and no redirect.
fn assert_challenge(answer: &Answer, error: &str, what: &str) {
    assert_eq!(answer.status, 401, "{what}: {answer:?}");
    let expected = format!(
        "Bearer realm=\"vault\", {error}scope=\"mcp\", resource_metadata=\"http://{MCP_HOST}{METADATA}/mcp\""
    );
    assert_eq!(lines(answer, "www-authenticate"), [expected.as_str()], "{what}");
    assert_eq!(lines(answer, "set-cookie"), Vec::<&str>::new(), "{what}");
    assert_eq!(lines(answer, "cache-control"), ["no-store"], "{what}");
}

async fn challenge_reaches_the_client(name: &str, edge: &Edge) {
    let body = request("tools/call", serde_json::json!({"name": "echo"}));
    let browser =
        [("accept", "text/html"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
    for headers in [&named("echo")[..], &[]] {
        assert_challenge(&post(edge, headers, &body).await, "", name);
        let unknown = [headers, &[("authorization", "Bearer s.unknown")]].concat();
        let answer = post(edge, &unknown, &body).await;
        assert_challenge(&answer, "error=\"invalid_token\", ", name);
    }
    for path in ["/mcp", "/", "/mcp?access_token=a"] {
        assert_challenge(&get(edge, MCP_HOST, path, &[]).await, "", name);
    }
    // A person gets a page that says so, and no redirect.
    let answer = get(edge, MCP_HOST, "/mcp", &browser).await;
    assert_eq!((answer.status, answer.header("location")), (401, None), "{name}: {answer:?}");
    let answer = edge.send_to(MCP_HOST, "DELETE", "/mcp", &[], None).await;
    assert_challenge(&answer, "", name);
}

async fn metadata_needs_no_token(name: &str, edge: &Edge) {
    for path in ["", "/", "/mcp"] {
        let answer = get(edge, MCP_HOST, &format!("{METADATA}{path}"), &[]).await;
        assert_eq!(answer.status, 200, "{name}: {answer:?}");
        assert_eq!(answer.json()["resource"], MCP_RESOURCE, "{name}");
        assert_eq!(lines(&answer, "access-control-allow-origin"), ["*"], "{name}");
    }
    let server = "/.well-known/oauth-authorization-server";
    let answer = get(edge, LOGIN_HOST, server, &[]).await;
    assert_eq!(answer.json()["issuer"], format!("http://{LOGIN_HOST}"), "{name}: {answer:?}");
    for (host, path) in [
        (MCP_HOST, "oauth-authorization-server"),
        (MCP_HOST, "oauth-authorization-server/mcp"),
        (MCP_HOST, "openid-configuration"),
        (MCP_HOST, "openid-configuration/mcp"),
        (LOGIN_HOST, "oauth-authorization-server/mcp"),
        (LOGIN_HOST, "openid-configuration"),
        (LOGIN_HOST, "oauth-protected-resource"),
        (LOGIN_HOST, "other"),
    ] {
        let answer = get(edge, host, &format!("/.well-known/{path}"), &[]).await;
        assert_eq!(answer.status, 404, "{name}: {host} {path} {answer:?}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{name}");
    }
    // Nothing else is open, and the login host has no other pages.
    for path in ["/.well-known/other", "/.well-known", "/oauth/token", "/.vault-auth/login"] {
        let answer = get(edge, MCP_HOST, path, &[]).await;
        assert_eq!(answer.status, 401, "{name}: {path} {answer:?}");
    }
    for path in ["/oauth/", "/oauth", "/oauth/token/", "/oauth/other", "/v1/whoami"] {
        let answer = get(edge, LOGIN_HOST, path, &[]).await;
        assert!(matches!(answer.status, 302 | 303), "{name}: {path} {answer:?}");
    }
}

/// Returns the items of all lines of a header.
fn list(answer: &Answer, name: &str) -> Vec<String> {
    let items = lines(answer, name).join(",").to_lowercase();
    items.split(',').map(|item| item.trim().to_owned()).collect()
}

async fn preflight_needs_no_token(name: &str, edge: &Edge) {
    const HEADERS: &str = "authorization,content-type,last-event-id,mcp-method,mcp-name,\
                           mcp-protocol-version,mcp-session-id";
    let preflight = |origin| {
        [
            ("origin", origin),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", HEADERS),
        ]
    };
    let answer = edge.send_to(MCP_HOST, "OPTIONS", "/mcp", &preflight(ORIGIN), None).await;
    assert!(matches!(answer.status, 200 | 204), "{name}: {answer:?}");
    assert_eq!(lines(&answer, "access-control-allow-origin"), [ORIGIN], "{name}");
    let allowed = list(&answer, "access-control-allow-headers");
    for header in HEADERS.split(',') {
        assert!(allowed.contains(&header.to_owned()), "{name}: {header}: {allowed:?}");
    }
    let methods = list(&answer, "access-control-allow-methods");
    for method in ["get", "post", "delete"] {
        assert!(methods.contains(&method.to_owned()), "{name}: {methods:?}");
    }
    for origin in ["https://evil.example", "null", "https://app.example.com.evil.example"] {
        let answer = edge.send_to(MCP_HOST, "OPTIONS", "/mcp", &preflight(origin), None).await;
        assert_eq!(answer.status, 403, "{name}: {answer:?}");
        assert!(lines(&answer, "access-control-allow-origin").is_empty(), "{name}");
    }
    // A preflight request without an origin is none.
    let answer = edge.send_to(MCP_HOST, "OPTIONS", "/mcp", &preflight("")[1..], None).await;
    assert!(lines(&answer, "access-control-allow-origin").is_empty(), "{name}: {answer:?}");
    // Pages of any origin may be clients.
    let token = "/oauth/token";
    let headers = preflight("https://a.test");
    let answer = edge.send_to(LOGIN_HOST, "OPTIONS", token, &headers, None).await;
    assert_eq!(answer.status, 200, "{name}: {answer:?}");
    assert_eq!(lines(&answer, "access-control-allow-origin"), ["*"], "{name}");
}

async fn foreign_pages_are_refused(name: &str, edge: &Edge, token: &str) {
    let body = request("tools/list", serde_json::json!({}));
    let own = [
        ("mcp-protocol-version", super::REVISION),
        ("mcp-method", "tools/list"),
        ("x-vault-token", token),
    ];
    for headers in [&own[..], &own[2..], &[]] {
        for origin in ["https://evil.example", "null", "http://mcp.localhost:1"] {
            let answer = post(edge, &[headers, &[("origin", origin)]].concat(), &body).await;
            assert_eq!(answer.status, 403, "{name}: {answer:?}");
            assert!(lines(&answer, "access-control-allow-origin").is_empty(), "{name}");
        }
    }
    let refused = [&named("send_mail")[..], &[("origin", ORIGIN), own[2]]].concat();
    for (headers, expected) in [
        ([&own[..], &[("origin", ORIGIN)]].concat(), 200),
        (vec![("origin", ORIGIN)], 401),
        (vec![("origin", ORIGIN), own[2]], 403),
        (refused, 403),
        ([&own[..1], &[("origin", ORIGIN)], &own[2..]].concat(), bad_request(name)),
    ] {
        let answer = post(edge, &headers, &body).await;
        assert_eq!(answer.status, expected, "{name}: {answer:?}");
        assert_eq!(lines(&answer, "access-control-allow-origin"), [ORIGIN], "{name}");
        let exposed = list(&answer, "access-control-expose-headers");
        for header in ["mcp-session-id", "www-authenticate"] {
            assert!(exposed.contains(&header.to_owned()), "{name}: {exposed:?}");
        }
        assert!(list(&answer, "vary").contains(&"origin".to_owned()), "{name}: {answer:?}");
    }
}

/// Returns the status of a call whose headers the validator refuses with 400.
pub(super) fn bad_request(name: &str) -> u16 {
    if name == "nginx" { 403 } else { 400 }
}

#[tokio::test(flavor = "multi_thread")]
async fn m02_m03_m11_pages_behind_each_proxy() {
    let fronts = McpFronts::start(&["--stateless"]).await;
    let token = fronts.token(TOOLS).await;
    for (name, edge) in &fronts.edges {
        challenge_reaches_the_client(name, edge).await;
        metadata_needs_no_token(name, edge).await;
        preflight_needs_no_token(name, edge).await;
        foreign_pages_are_refused(name, edge, &token).await;
    }
    assert_eq!(fronts.runs().await, 0);
}

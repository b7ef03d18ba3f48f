//! Calls that the headers name, with the rights to single tools.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::json;

use super::{
    McpFronts, TOOLS, call_tool, error_code, lines, named, pages::bad_request, post, request,
};
use crate::support::{edge::Edge, http::Answer};

/// Asserts that the headers of a call are refused, and that the error is one of the protocol.
fn assert_malformed(name: &str, answer: &Answer, what: &str) {
    assert_eq!(answer.status, bad_request(name), "{name}: {what}: {answer:?}");
    assert_eq!(error_code(answer), Some(-32_020), "{name}: {what}: {answer:?}");
    // The server would have named the request.
    assert!(answer.json()["id"].is_null(), "{name}: {what}: {answer:?}");
    let content_type = answer.header("content-type").unwrap_or_default();
    assert!(content_type.starts_with("application/json"), "{name}: {content_type}");
    assert!(lines(answer, "www-authenticate").is_empty(), "{name}: {what}");
}

async fn rights_are_those_of_the_tool(name: &str, edge: &Edge, token: &str) {
    let answer = call_tool(edge, token, "echo", &named("echo")).await;
    assert_eq!(answer.status, 200, "{name}: {answer:?}");
    let encoded = format!("=?base64?{}?=", BASE64_STANDARD.encode("echo"));
    let answer = call_tool(edge, token, "echo", &named(&encoded)).await;
    assert_eq!(answer.status, 200, "{name}: {answer:?}");
    let encoded = format!("=?base64?{}?=", BASE64_STANDARD.encode("send_mail"));
    for tool in ["send_mail", encoded.as_str()] {
        let answer = call_tool(edge, token, "send_mail", &named(tool)).await;
        assert_eq!(answer.status, 403, "{name}: {answer:?}");
        assert_eq!(error_code(&answer), Some(-32_001), "{name}: {answer:?}");
        assert!(lines(&answer, "www-authenticate").is_empty(), "{name}: {answer:?}");
        assert_eq!(lines(&answer, "cache-control"), ["no-store"], "{name}");
        let body = answer.json();
        let message = body["error"]["message"].as_str().unwrap_or_default();
        // nginx names no tool whose name could end the string.
        if !(name == "nginx" && tool == encoded) {
            assert!(message.ends_with(": tools/call send_mail"), "{name}: {message}");
        }
        assert_eq!((&body["status"], &body["jsonrpc"]), (&json!(403), &json!("2.0")), "{name}");
    }
}

async fn server_compares_header_and_body(name: &str, edge: &Edge, token: &str) {
    // The caller may use `echo`; the server refuses the body that names another tool.
    for tool in ["send_mail", "send_invoice"] {
        let answer = call_tool(edge, token, tool, &named("echo")).await;
        assert_eq!(
            (answer.status, error_code(&answer)),
            (400, Some(-32_020)),
            "{name}: {answer:?}"
        );
    }
    let list = [named("")[0], ("mcp-method", "tools/list"), ("x-vault-token", token)];
    let body = request("tools/call", json!({"name": "send_mail", "arguments": {"to": "a"}}));
    let answer = post(edge, &list, &body).await;
    assert_eq!((answer.status, error_code(&answer)), (400, Some(-32_020)), "{name}: {answer:?}");
}

async fn malformed_headers_are_refused(name: &str, edge: &Edge, token: &str) {
    let [version, method, own] = named("echo");
    for (lines, what) in [
        (vec![version, method], "no name"),
        (vec![version, own], "no method"),
        (vec![version], "neither"),
        (vec![version, method, ("mcp-name", "")], "an empty name"),
        (vec![version, method, ("mcp-name", "=?BASE64?ZWNobw==?=")], "another marker"),
        (vec![version, method, ("mcp-name", "=?base64?ZWNobw?=")], "no padding"),
        (vec![version, ("mcp-method", "tools/%63all"), own], "a malformed method"),
    ] {
        let answer = call_tool(edge, token, "send_mail", &lines).await;
        assert_malformed(name, &answer, what);
    }
    // Twice, the same or different, in any order.
    for header in named("echo") {
        for other in [header.1, "send_mail", ""] {
            let second = (header.0, other);
            let mut first = vec![second];
            first.extend(named("echo"));
            let last = [&named("echo")[..], &[second]].concat();
            for lines in [first, last] {
                let answer = call_tool(edge, token, "send_mail", &lines).await;
                let what = format!("{lines:?}");
                if header.0 == "mcp-protocol-version" {
                    // The whole-server rule may refuse it, depending on the line that the proxy reads.
                    assert!(matches!(answer.status, 400 | 403), "{name}: {what} {answer:?}");
                } else {
                    assert_malformed(name, &answer, &what);
                }
            }
        }
    }
}

/// Sends a call of `echo` whose body calls another tool as a server of the revisions before allows, and
/// asks the proxy to remove a header.
async fn removed_header_opens_nothing(name: &str, edge: &Edge, token: &str) {
    let call = json!({"name": "send_mail", "arguments": {"to": "a"}});
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call});
    for header in ["mcp-protocol-version", "MCP-Protocol-Version, close", "mcp-method", "mcp-name"]
    {
        let lines = [("connection", header), ("x-vault-token", token)];
        let answer = post(edge, &[&named("echo")[..], &lines].concat(), &body).await;
        assert!(matches!(answer.status, 400 | 403), "{name}: {header}: {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn m09_headers_decide_behind_each_proxy() {
    let fronts = McpFronts::start(&["--stateless"]).await;
    let token = fronts.token(TOOLS).await;
    // As wide as a policy can be, but for one tool.
    let wide = fronts.token(r#"path "route/mcp/tools/call/*" { capabilities = ["update"] }"#).await;
    for (name, edge) in &fronts.edges {
        rights_are_those_of_the_tool(name, edge, &token).await;
        server_compares_header_and_body(name, edge, &token).await;
        removed_header_opens_nothing(name, edge, &token).await;
        malformed_headers_are_refused(name, edge, &token).await;
        malformed_headers_are_refused(name, edge, &wide).await;
    }
    let calls = fronts.server.calls().await;
    assert!(calls.iter().all(|tool| tool == "echo"), "{calls:?}");
    assert_eq!(calls.len(), 2 * fronts.edges.len(), "{calls:?}");
}

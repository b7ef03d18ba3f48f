//! Calls while Vault, or the validator, is unavailable.

use super::{McpFronts, TOOLS, WHOLE, call_tool, lines, named};
use crate::support::{fault::Fault, http::Answer};

fn assert_unavailable(name: &str, answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{name}: {answer:?}");
    for absent in ["www-authenticate", "location"] {
        assert!(lines(answer, absent).is_empty(), "{name}: {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn outage_asks_for_no_login() {
    let fronts = McpFronts::start(&["--stateless"]).await;
    let (tools, whole) = (fronts.token(TOOLS).await, fronts.token(WHOLE).await);
    let calls = [(tools.as_str(), &named("echo")[..]), (whole.as_str(), &[])];
    let direct = &fronts.people.direct;
    direct.fault.set(Fault::Garbage).await;
    for (name, edge) in &fronts.edges {
        for (token, headers) in calls {
            let answer = call_tool(edge, token, "echo", headers).await;
            assert_unavailable(name, &answer, 503);
            // Envoy has a response of its own for every 5xx of the validator.
            let has_retry_after = answer.header("retry-after").is_some();
            assert_eq!(has_retry_after, *name != "Envoy", "{name}: {answer:?}");
        }
        // The metadata does not depend on Vault.
        let path = "/.well-known/oauth-protected-resource";
        let answer = edge.send_to(super::MCP_HOST, "GET", path, &[], None).await;
        assert_eq!(answer.status, 200, "{name}: {answer:?}");
    }
    direct.validator.process().kill();
    for (name, edge) in &fronts.edges {
        let status = match *name {
            "Caddy" => 502,
            "Traefik" => 500,
            _ => 503,
        };
        for (token, headers) in calls {
            assert_unavailable(name, &call_tool(edge, token, "echo", headers).await, status);
        }
    }
    assert_eq!(fronts.runs().await, 0);
}

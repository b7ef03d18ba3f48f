//! The choice of the requirement by the version of a request.

use super::{
    McpFronts, REVISION, TOOLS, WHOLE, call_tool, edges_before, error_code, pages::bad_request,
};
use crate::support::edge::{Extra, Recipe};

const VERSION: &str = "mcp-protocol-version";
const LEGACY: &str = "2025-11-25";

/// The lines of the version in requests of other revisions.
const OTHERS: [&[&str]; 6] =
    [&[], &[LEGACY], &["2099-01-01"], &[""], &["2026-07-28, 2025-11-25"], &[LEGACY, LEGACY]];

/// The lines of requests that name the revision and another one.
const MIXED: [&[&str]; 4] =
    [&[REVISION, LEGACY], &[LEGACY, REVISION], &[REVISION, REVISION], &["", REVISION]];

/// Returns the headers of a call of `echo` with these versions.
fn headers<'a>(versions: &[&'a str]) -> Vec<(&'a str, &'a str)> {
    let versions = versions.iter().map(|version| (VERSION, *version));
    versions.chain([("mcp-method", "tools/call"), ("mcp-name", "echo")]).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn m10_version_cannot_widen_the_rights() {
    let fronts = McpFronts::start(&["--stateless"]).await;
    let (tools, whole) = (fronts.token(TOOLS).await, fronts.token(WHOLE).await);
    for (name, edge) in &fronts.edges {
        // With rights to tools alone, nothing but the revision with its headers is let through.
        let before = fronts.runs().await;
        for versions in OTHERS.iter().chain(&MIXED) {
            for tool in ["echo", "send_mail"] {
                let answer = call_tool(edge, &tools, tool, &headers(versions)).await;
                let is_refused = matches!(answer.status, 400 | 403);
                assert!(is_refused, "{name}: {versions:?} {tool}: {answer:?}");
            }
        }
        assert_eq!(fronts.runs().await, before, "{name}: a tool ran");
        // With the right to the server as a whole, requests of other revisions reach it.
        for versions in [&[][..], &[LEGACY]] {
            let answer = call_tool(edge, &whole, "send_mail", &headers(versions)).await;
            assert_eq!(answer.status, 200, "{name}: {versions:?}: {answer:?}");
        }
        let answer = call_tool(edge, &whole, "send_mail", &headers(&["2099-01-01"])).await;
        assert_eq!(answer.status, 400, "{name}: of the server: {answer:?}");
        let answer = call_tool(edge, &whole, "echo", &headers(&[REVISION])).await;
        assert_eq!(
            (answer.status, error_code(&answer)),
            (403, Some(-32_001)),
            "{name}: {answer:?}"
        );
        for versions in MIXED {
            let answer = call_tool(edge, &whole, "whoami", &headers(versions)).await;
            if name == &"nginx" && answer.status == 200 {
                // nginx 1.22 reads the first line, and passes on no other.
                assert_ne!(versions[0], REVISION, "{answer:?}");
                assert!(!answer.body.contains(REVISION), "{versions:?}: {answer:?}");
            } else {
                assert!(matches!(answer.status, 400 | 403), "{name}: {versions:?}: {answer:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn m10_other_versions_may_be_refused() {
    let fronts = McpFronts::start(&["--stateless"]).await;
    let recipe = Recipe::with(Extra::McpTools);
    let edges = edges_before(&fronts.people, fronts.server.address(), recipe).await;
    let (tools, whole) = (fronts.token(TOOLS).await, fronts.token(WHOLE).await);
    for (name, edge) in &edges {
        for token in [&tools, &whole] {
            for versions in &OTHERS[..4] {
                let answer = call_tool(edge, token, "echo", &headers(versions)).await;
                let found = (answer.status, error_code(&answer));
                let expected = (bad_request(name), Some(-32_022));
                assert_eq!(found, expected, "{name}: {versions:?}: {answer:?}");
                let data = &answer.json()["error"]["data"];
                assert_eq!(data["supported"], serde_json::json!([REVISION]), "{name}: {answer:?}");
                let requested = versions.first().filter(|version| version.len() == 10);
                assert_eq!(data["requested"].as_str(), requested.copied(), "{name}: {answer:?}");
            }
            for versions in OTHERS[4..].iter().chain(&MIXED) {
                let answer = call_tool(edge, token, "echo", &headers(versions)).await;
                assert_eq!(answer.status, bad_request(name), "{name}: {versions:?}: {answer:?}");
                let code = error_code(&answer);
                let is_either = matches!(code, Some(-32_020 | -32_022));
                assert!(is_either, "{name}: {versions:?}: {answer:?}");
            }
        }
        let answer = call_tool(edge, &tools, "echo", &headers(&[REVISION])).await;
        assert_eq!(answer.status, 200, "{name}: {answer:?}");
    }
    assert_eq!(fronts.runs().await, edges.len());
}

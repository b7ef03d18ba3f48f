//! `explain --mcp`: calls of the Model Context Protocol, with the shipped policies of the agents.

use serde_json::{Value, json};

use super::{Operator, run};
use crate::support::{
    direct::Direct,
    platform::{self, token_with},
    stack::bearer,
};

/// The requirement of the route.
const ROUTE: &str = "mcp=route/mcp";

/// Calls, the header `Mcp-Name` that a client sends with them, and the decisions about
/// `agent-director`, `agent-writer` and `agent-executor`.
const CALLS: [(&str, Option<&str>, [u16; 3]); 13] = [
    ("server/discover", None, [200, 200, 200]),
    ("tools/list", None, [200, 200, 200]),
    ("tools/call/update_setting", Some("update_setting"), [403, 200, 200]),
    ("tools/call/write_report", Some("write_report"), [403, 200, 200]),
    ("tools/call/send_invoice", Some("send_invoice"), [403, 403, 200]),
    ("tools/call/write_ü", Some("=?base64?d3JpdGVfw7w=?="), [403, 200, 200]),
    ("tools/call/=?write_?=", Some("=?base64?PT93cml0ZV8/PQ==?="), [403, 403, 200]),
    ("tools/call/write_ ", Some("=?base64?d3JpdGVfIA==?="), [403, 403, 403]),
    ("resources/read/file:///a/b", Some("file:///a/b"), [200, 200, 200]),
    ("resources/read/file:///a/../b", Some("file:///a/../b"), [403, 403, 403]),
    ("prompts/get/grüße", Some("=?base64?Z3LDvMOfZQ==?="), [200, 200, 200]),
    ("resources/templates/list", None, [200, 200, 200]),
    ("tasks/cancel", None, [403, 403, 200]),
];

/// Returns tokens with the policies of the director, the writer and the executor.
async fn agents(service: &Direct) -> Vec<String> {
    platform::load_policies(&service.bao).await;
    let mut tokens = Vec::new();
    for name in ["agent-director", "agent-writer", "agent-executor"] {
        let options = json!({"policies": [name], "ttl": "1h"});
        tokens.push(platform::token(&service.bao, options).await);
    }
    tokens
}

#[tokio::test(flavor = "multi_thread")]
async fn explained_mcp_call_matches_decision() {
    let service = Direct::start().await;
    let operator = Operator::new(&service.bao).await;
    let agents = agents(&service).await;
    for (call, name, expected) in CALLS {
        for (token, expected) in agents.iter().zip(expected) {
            let arguments = ["--mcp", call, "--require", ROUTE, "--output", "json"];
            let ended = operator.explain(token, &arguments);
            assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{call}: {ended:?}");
            let printed: Value = serde_json::from_str(&ended.stdout).expect("JSON");
            let method = printed["request"]["mcp"]["method"].as_str().expect("a method");
            let authorization = bearer(token);
            let mut headers = vec![
                ("authorization", &*authorization),
                ("x-forwarded-method", "POST"),
                ("x-forwarded-uri", "/"),
                ("mcp-protocol-version", "2026-07-28"),
                ("mcp-method", method),
            ];
            headers.extend(name.map(|name| ("mcp-name", name)));
            let answer = service.validator.validate(ROUTE, &headers).await;
            assert_eq!(answer.status, expected, "{call}: {answer:?}");
            assert_eq!(printed["status"], json!(expected), "{call}: {printed}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whole_server_is_for_the_executor_only() {
    let service = Direct::start().await;
    let operator = Operator::new(&service.bao).await;
    for (token, allowed) in agents(&service).await.iter().zip([false, false, true]) {
        for method in ["GET", "POST", "DELETE"] {
            let table =
                operator.table(token, &["--method", method, "--require", "acl=route/mcp"], &[]);
            assert_eq!(table.contains("allowed  200"), allowed, "{table}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn table_shows_mcp_path_and_rule() {
    let service = Direct::start().await;
    let operator = Operator::with_policy_access(&service.bao).await;
    let policy = "path \"route/mcp/tools/call/send_*\" {\n  capabilities = [\"update\"]\n}\n\
                  path \"route/mcp/tools/call/send_money\" {\n  capabilities = [\"deny\"]\n}\n";
    platform::set_policy(&service.bao, "sales", policy).await;
    let options = json!({"policies": ["sales"], "ttl": "1h", "no_default_policy": true});
    let token = platform::token(&service.bao, options).await;
    let explain = |call: &str| {
        let arguments =
            ["--mcp", call, "--require", ROUTE, "--host", "mcp.example.com", "--uri", "/mcp"];
        operator.table(&token, &arguments, &[])
    };
    let expected = "\
POST https://mcp.example.com/mcp tools/call/send_money
refused  403 acl_denied: Vault's policies deny this request

  ok  token          an active service token without an entity, expires TIME
  no  mcp=route/mcp  Vault grants nothing on route/mcp/tools/call/send_money; tools/call needs update
                     policy sales, line 4: path \"route/mcp/tools/call/send_money\" with capabilities deny
";
    assert_eq!(explain("tools/call/send_money"), expected);
    let allowed = explain("tools/call/send_invoice");
    assert!(allowed.contains("allowed  200"), "{allowed}");
    assert!(
        allowed.contains(
            "Vault grants update on route/mcp/tools/call/send_invoice; tools/call needs update"
        ),
        "{allowed}"
    );
    let list = explain("tools/list");
    assert!(list.contains("tools/list needs read"), "{list}");
    assert!(list.contains("no rule of the caller's policies matches it"), "{list}");
    let ambiguous = explain("resources/read/file:///a/../b");
    assert!(ambiguous.contains("403 path_ambiguous"), "{ambiguous}");
}

#[tokio::test(flavor = "multi_thread")]
async fn json_output_has_the_mcp_call() {
    let service = Direct::start().await;
    let operator = Operator::with_policy_access(&service.bao).await;
    let rule = "path \"route/mcp/resources/*\" { capabilities = [\"read\"] }";
    let token = token_with(&service.bao, rule).await;
    let arguments = ["--mcp", "resources/read/file:///ä", "--require", ROUTE, "--output", "json"];
    let ended = operator.explain(&token, &arguments);
    let printed: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    let request = json!({
        "method": "POST", "host": null, "uri": "/", "client": null,
        "mcp": {"method": "resources/read", "name": "file:///ä"},
    });
    assert_eq!((&printed["request"], &printed["allowed"]), (&request, &json!(true)));
    let check = &printed["checks"][1];
    assert_eq!(check["path"], "route/mcp/resources/read/file:///ä", "{check}");
}

#[test]
fn invalid_mcp_call_is_a_usage_error() {
    let nowhere = [("VAULT_ADDR", "http://127.0.0.1:1"), ("VAULT_TOKEN", "s.own")];
    for (arguments, words) in [
        (&["--mcp", "tools/call"][..], "tools/call needs a name: write tools/call/NAME"),
        (&["--mcp", "prompts/get/"], "prompts/get needs a name"),
        (&["--mcp", "tools/list/x"], "tools/list has no name: write tools/list"),
        (&["--mcp", "a b"], "write for example tools/list"),
        (&["--mcp", "tools/list", "--method", "POST"], "cannot be used with"),
    ] {
        let ended = run("s.token", arguments, &nowhere);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{ended:?}");
        assert!(ended.stderr.contains(words), "`{words}` in {}", ended.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn note_shows_that_call_and_route_differ() {
    let service = Direct::start().await;
    let operator = Operator::new(&service.bao).await;
    let token = service.acme.token();
    let ended = operator.explain(token, &["--require", ROUTE]);
    assert!(ended.stderr.contains("say with --mcp which call the request makes"), "{ended:?}");
    assert!(ended.stdout.contains("400"), "{ended:?}");
    assert!(ended.stdout.contains("MCP-Protocol-Version has to be 2026-07-28"), "{ended:?}");
    let ended = operator.explain(token, &["--mcp", "tools/list", "--require", "tenant=acme"]);
    assert!(ended.stderr.contains("the route does not check it"), "{ended:?}");
    assert_eq!(ended.code, Some(0));
}

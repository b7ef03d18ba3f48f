//! `explain` with OAuth access tokens.

use serde_json::{Value, json};

use super::{app, start};
use crate::support::{oauth_app::Tokens, people::People, platform, shell::Shell};

/// The requirements of the resource's route.
const ROUTE: &str = "resource=https://mcp.example.com&policy=crm-agent";

/// An operator with the sealing keys, and the tokens of a client.
struct ClientOperator {
    people: People,
    shell: Shell,
    tokens: Tokens,
}

impl ClientOperator {
    async fn start() -> Self {
        let people = start().await;
        let options = json!({"policies": ["validator"], "ttl": "1h"});
        let token = platform::token(people.bao(), options).await;
        let file = people.key_file().display().to_string();
        let shell = Shell::to(people.bao(), &token).with("VALIDATOR_SEALING_KEY_FILE", &file);
        let tokens = app().tokens(&people, "ana").await;
        Self { people, shell, tokens }
    }

    fn json(&self, input: &str, requirements: &str) -> Value {
        let arguments = ["explain", "--output", "json", "--require", requirements];
        self.shell.feed(&arguments, input.as_bytes()).json()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn access_token_is_explained() {
    let operator = ClientOperator::start().await;
    let access = &operator.tokens.access;
    let arguments = ["explain", "--require", ROUTE, "--host", "mcp.example.com"];
    let table = operator.shell.feed(&arguments, access.as_bytes()).done();
    assert!(!table.contains(access.as_str()), "{table}");
    for words in [
        "sealed  an OAuth access token for https://mcp.example.com, issued to the client inspector, sealed \
         with the only key; expires ",
        "caller  ana ",
        "GET https://mcp.example.com/\nallowed  200",
        "ok  policy=crm-agent  the token's policies are crm-agent",
    ] {
        assert!(table.contains(words), "`{words}` in {table}");
    }
    let report = operator.json(access, ROUTE);
    let sealed = &report["sealed"];
    assert_eq!((&report["allowed"], &report["caller"]["subject"]), (&json!(true), &json!("ana")));
    assert_eq!(
        (&sealed["state"], &sealed["purpose"], &sealed["resource"], &sealed["client"]),
        (
            &json!("valid"),
            &json!("access-token"),
            &json!("https://mcp.example.com"),
            &json!("inspector")
        )
    );
    let denied = operator.json(access, "resource=https://mcp.example.com&policy=admin");
    assert_eq!(denied["code"], "policy_required");
    let call = ["explain", "--mcp", "tools/list", "--require"];
    let call = [&call[..], &["resource=https://mcp.example.com&mcp=route/mcp"]].concat();
    let table = operator.shell.feed(&call, access.as_bytes()).done();
    assert!(table.contains("Vault grants nothing on route/mcp/tools/list"), "{table}");
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_access_token_is_explained() {
    let operator = ClientOperator::start().await;
    let access = &operator.tokens.access;
    let other = "resource=https://mcp.example.com/other";
    let place = access.len() - 9;
    let letter = if access[place..].starts_with('A') { "B" } else { "A" };
    let changed = format!("{}{letter}{}", &access[..place], &access[place + 1..]);
    for (input, requirements, state, words) in [
        (access.as_str(), other, "not_authentic", "but not for https://mcp.example.com/other"),
        (&changed, ROUTE, "not_authentic", "or it was changed"),
        ("vat_abc", ROUTE, "malformed", "begins like an OAuth access token"),
    ] {
        let report = operator.json(input, requirements);
        let sealed = &report["sealed"];
        assert_eq!((&sealed["state"], &report["status"]), (&json!(state), &json!(401)));
        assert!(sealed["because"].as_str().expect("text").contains(words), "{sealed}");
        let reason = &report["checks"][0]["because"];
        assert_eq!(reason, "the access token cannot be unsealed for the resource of the route");
    }
    let accessor = &operator.json(access, ROUTE)["caller"]["accessor"];
    let revoke = json!({ "accessor": accessor });
    operator.people.bao().must("POST", "auth/token/revoke-accessor", Some(revoke)).await;
    let report = operator.json(access, ROUTE);
    assert_eq!((&report["sealed"]["state"], &report["caller"]), (&json!("valid"), &json!(null)));
    assert_eq!(report["code"], "token_invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn access_token_needs_resource_and_keys() {
    let operator = ClientOperator::start().await;
    let Tokens { access, refresh, .. } = &operator.tokens;
    let explain = |shell: &Shell, input: &str, requirements: &str| {
        let ended = shell.feed(&["explain", "--require", requirements], input.as_bytes());
        assert!(!ended.stderr.contains(input), "{ended:?}");
        ended
    };
    let without = explain(&operator.shell, access, "policy=crm-agent");
    without.failed(2, "add resource=URI to --require; a route without it refuses the token");
    explain(&operator.shell, refresh, ROUTE)
        .failed(2, "this is an OAuth refresh token, which only the token endpoint accepts");
    let keyless = operator.shell.clone().with("VALIDATOR_SEALING_KEY_FILE", "");
    explain(&keyless, access, ROUTE)
        .failed(2, "VALIDATOR_SEALING_KEY_FILE: not set, but --session and access tokens need it");
}

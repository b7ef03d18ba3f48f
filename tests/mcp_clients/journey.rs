//! The way of a client: discovery, consent, calls, refresh, revocation, and an unavailable Vault.

use std::time::Duration;

use serde_json::{Value, json};

use super::McpPlatform;
use crate::support::{
    browser::Browser,
    fault::Fault,
    mcp::{McpAuth, McpClient, Sdk, call, ok},
};

fn echo() -> Value {
    call("echo", &json!({"text": "a"}))
}

/// Goes the whole way with a client.
async fn journey(sdk: Sdk, server: Sdk, auth: fn(&McpPlatform) -> McpAuth<'_>) {
    let platform = McpPlatform::start(server).await;
    let browser = Browser::start(platform.options()).await;
    let mut client = McpClient::start(sdk, &platform.caddy, auth(&platform), &[]).await;

    let (connected, logins) = client.run_with(json!({"do": "connect"}), &browser).await;
    ok(connected);
    assert_eq!(logins, 1, "{:?}", client.events);
    let tools = ok(client.run(json!({"do": "list_tools"})).await);
    assert!(tools.as_array().is_some_and(|tools| tools.contains(&json!("echo"))), "{tools}");
    ok(client.run(echo()).await);
    let seen = ok(client.run(call("whoami", &json!({}))).await);
    let headers = &seen["structuredContent"];
    assert_eq!(headers["x-auth-subject"], json!(["ana"]), "{seen}");
    for absent in ["authorization", "cookie", "x-vault-token"] {
        assert!(headers.get(absent).is_none(), "m23: {seen}");
    }

    // Refresh, also by several calls at once.
    ok(client.run(json!({"do": "expire"})).await);
    ok(client.run(echo()).await);
    ok(client.run(json!({"do": "expire"})).await);
    let four = json!({"do": "parallel", "tool": "echo", "arguments": {"text": "a"}, "count": 4});
    for answer in ok(client.run(four).await).as_array().expect("answers") {
        ok(answer.clone());
    }

    // Unavailable: an error, and no login.
    platform.people.direct.fault.set(Fault::Reset).await;
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    let failed = client.run(echo()).await;
    assert!(failed.get("error").is_some(), "{failed}");
    platform.people.direct.fault.set(Fault::Pass).await;
    if sdk == Sdk::One {
        // This line of the SDK gives a connection up after a 503.
        ok(client.run(json!({"do": "connect"})).await);
    }
    ok(client.run(echo()).await);

    // Revoked: the person is asked again.
    platform.revoke_all().await;
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    let (answer, logins) = client.run_with(echo(), &browser).await;
    ok(answer);
    assert_eq!(logins, 1, "{:?}", client.events);
    let logs =
        platform.people.direct.validator.log() + &platform.caddy.log() + &platform.server.log();
    for prefix in ["vat_", "vac_", "vrt_"] {
        let end = logs.find(prefix).map(|start| &logs[start..(start + 60).min(logs.len())]);
        assert_eq!(end, None, "a token is in a log");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn m22_sdk_2_with_a_metadata_document() {
    journey(Sdk::Two, Sdk::Two, |platform| McpAuth::Document(platform.document.url())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m22_sdk_2_with_a_configured_client() {
    journey(Sdk::Two, Sdk::Two, |_| McpAuth::ClientId("inspector")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m22_sdk_2_with_a_registration() {
    journey(Sdk::Two, Sdk::Two, |_| McpAuth::Register).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m22_sdk_1_with_a_metadata_document() {
    journey(Sdk::One, Sdk::One, |platform| McpAuth::Document(platform.document.url())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m22_sdk_1_with_a_configured_client() {
    journey(Sdk::One, Sdk::Two, |_| McpAuth::ClientId("inspector")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m22_sdk_1_with_a_registration() {
    journey(Sdk::One, Sdk::One, |_| McpAuth::Register).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn static_token_works_with_both_lines() {
    let platform = McpPlatform::start(Sdk::Two).await;
    let login = json!({"password": crate::support::people::PASSWORD});
    let login = platform.people.bao().must("POST", "auth/userpass/login/ana", Some(login)).await;
    let token = login["auth"]["client_token"].as_str().expect("a token");
    for sdk in [Sdk::One, Sdk::Two] {
        let auth = McpAuth::Token(token);
        let mut client = McpClient::start(sdk, &platform.caddy, auth, &[]).await;
        ok(client.run(json!({"do": "connect"})).await);
        ok(client.run(json!({"do": "list_tools"})).await);
        ok(client.run(echo()).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn m07_denied_tool_does_not_run() {
    let platform = McpPlatform::start(Sdk::Two).await;
    let browser = Browser::start(platform.options()).await;
    let auth = McpAuth::ClientId("inspector");
    let mut client = McpClient::start(Sdk::Two, &platform.caddy, auth, &[]).await;
    ok(client.run_with(json!({"do": "connect"}), &browser).await.0);
    for _ in 0..2 {
        // No login follows, and the connection stays.
        let denied = client.run(call("send_mail", &json!({"to": "a"}))).await;
        let message = denied["error"]["message"].as_str().unwrap_or_default();
        assert!(message.contains("tools/call send_mail"), "{denied}");
    }
    ok(client.run(echo()).await);
    let read = ok(client.run(json!({"do": "read", "uri": "note://a"})).await);
    assert!(read.to_string().contains("This is note a."), "{read}");
    let calls = platform.server.calls().await;
    assert!(calls.contains(&"echo".to_owned()), "{calls:?}");
    assert!(!calls.contains(&"send_mail".to_owned()), "{calls:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn m12_stream_is_not_cut() {
    let platform = McpPlatform::start(Sdk::Two).await;
    let browser = Browser::start(platform.options()).await;
    let auth = McpAuth::ClientId("inspector");
    let mut client = McpClient::start(Sdk::Two, &platform.caddy, auth, &[]).await;
    ok(client.run_with(json!({"do": "connect"}), &browser).await.0);
    ok(client.run(call("count", &json!({"seconds": 5}))).await);
    assert!(client.count("progress") >= 4, "{:?}", client.events);
}

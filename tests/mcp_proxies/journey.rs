//! The way of a client of SDK 2.x behind each proxy.

use std::time::Duration;

use serde_json::json;

use super::{McpFronts, TOOLS, WHOLE};
use crate::support::{
    edge::Edge,
    mcp::{McpAuth, McpClient, Sdk, call, ok},
    people::People,
    platform::set_policy,
};

/// Goes the whole way as a person of this name.
async fn journey(people: &People, edge: &Edge, name: &str) {
    people.create(name, json!({"token_policies": "mcp-user"})).await;
    let auth = McpAuth::ClientId("inspector");
    let mut client = McpClient::behind(Sdk::Two, edge, auth).await;
    let (connected, logins) = client.run_with_person(json!({"do": "connect"}), edge, name).await;
    assert_eq!(ok(connected)["protocol"], super::REVISION, "{name}");
    assert_eq!(logins, 1, "{name}: {:?}", client.events);
    let tools = ok(client.run(json!({"do": "list_tools"})).await);
    assert!(tools.as_array().is_some_and(|tools| tools.contains(&json!("echo"))), "{tools}");

    // The server gets the identity, and no token.
    let seen = ok(client.run(call("whoami", &json!({}))).await);
    let headers = &seen["structuredContent"];
    assert_eq!(headers["x-auth-subject"], json!([name]), "{seen}");
    assert_eq!(headers["x-auth-policies"], json!(["default,mcp-user"]), "{name}: {seen}");
    for absent in ["authorization", "cookie", "x-vault-token", "x-forwarded-uri"] {
        assert!(headers.get(absent).is_none(), "m23: {name}: {absent}: {seen}");
    }

    // A denied tool: no login follows, and the connection stays.
    let denied = client.run(call("send_mail", &json!({"to": "a"}))).await;
    let message = denied["error"]["message"].as_str().unwrap_or_default();
    assert!(message.contains("tools/call send_mail"), "{name}: {denied}");
    assert_eq!(denied["error"]["code"], -32_001, "{name}: {denied}");

    ok(client.run(json!({"do": "expire"})).await);
    let echo = call("echo", &json!({"text": "a"}));
    ok(client.run(echo.clone()).await);
    let refreshed = client.responses("/oauth/token").len();
    assert_eq!(refreshed, 2, "{name}: {:?}", client.events);

    let prefix = format!("sys/leases/revoke-prefix/auth/userpass/login/{name}");
    people.bao().must("POST", &prefix, None).await;
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    let (answer, logins) = client.run_with_person(echo, edge, name).await;
    ok(answer);
    assert_eq!(logins, 1, "{name}: {:?}", client.events);
}

#[tokio::test(flavor = "multi_thread")]
async fn m22_m23_sdk_2_behind_each_proxy() {
    let fronts = McpFronts::start(&[]).await;
    set_policy(fronts.people.bao(), "mcp-user", &format!("{TOOLS}{WHOLE}")).await;
    let [caddy, nginx, traefik, envoy] = &fronts.edges;
    tokio::join!(
        journey(&fronts.people, &caddy.1, "ana-caddy"),
        journey(&fronts.people, &nginx.1, "ana-nginx"),
        journey(&fronts.people, &traefik.1, "ana-traefik"),
        journey(&fronts.people, &envoy.1, "ana-envoy"),
    );
    let calls = fronts.server.calls().await;
    assert!(!calls.contains(&"send_mail".to_owned()), "{calls:?}");
    let logs: String = fronts.edges.iter().map(|(_, edge)| edge.log()).collect();
    let logs = logs + &fronts.people.direct.validator.log() + &fronts.server.log();
    for prefix in ["vat_", "vac_", "vrt_"] {
        let end = logs.find(prefix).map(|start| &logs[start..(start + 60).min(logs.len())]);
        assert_eq!(end, None, "a token is in a log");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn m22_sdk_1_behind_each_proxy() {
    let fronts = McpFronts::start(&[]).await;
    let token = fronts.token(WHOLE).await;
    for (name, edge) in &fronts.edges {
        let mut client = McpClient::behind(Sdk::One, edge, McpAuth::Token(&token)).await;
        ok(client.run(json!({"do": "connect"})).await);
        ok(client.run(json!({"do": "list_tools"})).await);
        ok(client.run(call("send_mail", &json!({"to": "a"}))).await);
        let streams = client.events.iter().filter(|event| event["method"] == "GET");
        let statuses: Vec<_> = streams.map(|event| &event["status"]).collect();
        assert_eq!(statuses, [200], "{name}: {:?}", client.events);
        // The session ends with the connection, by DELETE.
        ok(client.run(json!({"do": "connect"})).await);
        let ended = client.events.iter().filter(|event| event["method"] == "DELETE");
        let statuses: Vec<_> = ended.map(|event| &event["status"]).collect();
        assert_eq!(statuses, [200], "{name}: {:?}", client.events);
    }
}

//! The client's address behind a second proxy, and keep-alive connections.

use std::fs;

use serde_json::json;

use super::Proxies;
use crate::support::{
    backend::{Backend, received},
    caddy,
    direct::Direct,
    edge::{Edge, Extra, Recipe},
    envoy,
    http::Answer,
    nginx, platform,
    tools::repository,
    traefik,
};

const LIMIT: (&str, &str) = ("VALIDATOR_FAILURE_LIMIT", "5");

/// Sends a request as an outer proxy forwards it for a client at this address.
async fn from(edge: &Edge, client: &str, token: &str) -> Answer {
    // The client's own entry is the leftmost.
    let way = format!("198.51.100.1, {client}");
    let headers = [
        ("x-forwarded-for", way.as_str()),
        ("x-forwarded-proto", "https"),
        ("x-vault-token", token),
    ];
    edge.send("GET", "acme", "/", &headers, None).await
}

/// Creates a fresh token of acme's that is bound to these networks.
async fn token(service: &Direct, networks: &[&str]) -> String {
    let options = json!({"policies": ["crm-agent", "tenant-acme"], "bound_cidrs": networks});
    platform::token(&service.bao, options).await
}

/// Asserts that clients behind two proxies are identified by their own addresses.
async fn assert_clients_differ(name: &str, edge: &Edge, service: &Direct) {
    let anywhere = token(service, &[]).await;
    let bound = token(service, &["203.0.113.0/24"]).await;
    for number in 0..5 {
        let answer = from(edge, "192.0.2.77", &format!("s.guess-{name}-{number}")).await;
        assert_eq!(answer.status, 401, "{name}: {answer:?}");
    }
    // nginx has no other status for a response that neither allows nor denies.
    let limited = if name == "nginx" { 500 } else { 429 };
    let answer = from(edge, "192.0.2.77", "s.guess-once-more").await;
    assert_eq!(answer.status, limited, "{name}: {answer:?}");
    for (client, token, status) in [
        ("203.0.113.10", &anywhere, 200),
        ("203.0.113.11", &bound, 200),
        ("198.51.100.7", &bound, 403),
    ] {
        let answer = from(edge, client, token).await;
        assert_eq!(answer.status, status, "{name}: {client}: {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn second_proxy_keeps_clients_apart() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let listen = format!("unix:{}", dir.path().join("auth.sock").display());
    let recipe = Recipe::with(Extra::FrontProxy);
    let backend = Backend::start().await;
    let application = backend.address();
    // The outer proxy is not among the validator's trusted proxies.
    let unaware =
        [("VALIDATOR_LISTEN", listen.as_str()), ("VALIDATOR_TRUSTED_PROXIES", "192.0.2.1/32")];
    for name in ["Caddy", "nginx", "Envoy"] {
        let service = Direct::start_with(&[&unaware[..], &[LIMIT]].concat()).await;
        let edge = match name {
            "Caddy" => caddy::start(&listen, application, recipe).await,
            "nginx" => nginx::start(&listen, application, recipe).await,
            _ => envoy::start(&listen, application, recipe).await,
        };
        assert_clients_differ(name, &edge, &service).await;
    }
    // Traefik forwards the whole chain, so the validator has to trust both proxies.
    let service = Direct::start_with(&[LIMIT]).await;
    let edge = traefik::start(service.validator.auth_address(), application, recipe).await;
    assert_clients_differ("Traefik", &edge, &service).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn outer_proxy_cannot_set_target() {
    let recipe = Recipe { requirement: "acl_uri=route/crm", ..Recipe::with(Extra::FrontProxy) };
    let proxies = Proxies::with(recipe).await;
    let policy = "path \"route/crm/open\" { capabilities = [\"read\"] }";
    platform::set_policy(&proxies.service.bao, "crm-agent", policy).await;
    let headers = [
        ("x-vault-token", proxies.service.acme.token()),
        ("x-forwarded-for", "203.0.113.9"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-uri", "/open"),
        ("x-forwarded-method", "GET"),
    ];
    for (name, edge) in &proxies.edges {
        proxies.assert_denied(name, edge.send("GET", "acme", "/closed", &headers, None), 403).await;
        proxies.assert_denied(name, edge.send("POST", "acme", "/open", &headers, None), 403).await;
        let answer = edge.send("GET", "acme", "/open", &headers, None).await;
        assert_eq!(answer.status, 200, "{name}: {answer:?}");
        assert_eq!(received(&answer.json(), "x-forwarded-proto"), ["https"], "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn client_cannot_spoof_address() {
    let proxies = Proxies::start().await;
    let here = token(&proxies.service, &["127.0.0.0/8"]).await;
    let elsewhere = token(&proxies.service, &["203.0.113.0/24"]).await;
    for (name, edge) in &proxies.edges {
        proxies.assert_denied(name, from(edge, "203.0.113.10", &elsewhere), 403).await;
        let answer = from(edge, "203.0.113.10", &here).await;
        assert_eq!(answer.status, 200, "{name}: {answer:?}");
        assert_eq!(received(&answer.json(), "x-forwarded-proto"), ["http"], "{name}");
    }
}

/// Traefik closes an idle connection after 90 seconds, which no setting changes.
#[test]
fn proxy_closes_idle_first() {
    const VALIDATOR: u32 = 180;
    let read = |path: &str| fs::read_to_string(repository(path)).expect("a recipe");
    let seconds = |text: &str| text.trim().parse::<u32>().expect("seconds");
    let between = |text: &str, from: &str, to: &str| {
        let (_, rest) = text.split_once(from).expect("the setting");
        seconds(rest.split_once(to).expect("its end").0)
    };
    let caddy = between(&read("deploy/caddy/guard.caddy"), "keepalive ", "s\n");
    assert!(caddy < VALIDATOR, "Caddy: {caddy} s");
    let nginx = between(&read("deploy/nginx/crm.conf.template"), "keepalive_timeout ", "s;");
    assert!(nginx < VALIDATOR, "nginx: {nginx} s");
    let envoy: serde_norway::Value =
        serde_norway::from_str(&read("deploy/envoy/envoy.yaml")).expect("YAML");
    let options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
    for cluster in envoy["static_resources"]["clusters"].as_sequence().expect("clusters") {
        let options = &cluster["typed_extension_protocol_options"][options];
        let idle = options["common_http_protocol_options"]["idle_timeout"].as_str();
        let idle = seconds(idle.expect("a timeout").trim_end_matches('s'));
        assert!(idle < VALIDATOR, "Envoy: {idle} s");
    }
}

//! A real Envoy with the very configuration of `deploy/envoy/`.

use std::{fs, process::Command};

use super::{
    edge::{
        DOMAIN, Edge, Extra, LOGIN_HOST, MCP_HOST, MCP_RESOURCE, Place, REQUIREMENT, Recipe,
        replaced,
    },
    tools,
};

/// Replacements in the recipe that turn a part on.
const EXTRAS: [(Extra, &str, &str); 4] = [
    (Extra::Cors, "#|", ""),
    (Extra::FrontProxy, "xff_num_trusted_hops: 0", "xff_num_trusted_hops: 1"),
    (Extra::Cookie, "local cookies = { ", "local cookies = { \"vault\", "),
    (Extra::McpTools, "&acl=route/mcp", "&mcp=route/mcp"),
];

/// Starts Envoy.
///
/// # Panics
/// If it does not start.
pub async fn start(validator: &str, application: &str, recipe: Recipe<'_>) -> Edge {
    Edge::start("envoy", validator, application, recipe, command).await
}

fn command(place: &Place<'_>) -> Command {
    let dir = place.dir.path();
    let recipe = fs::read_to_string(tools::repository("deploy/envoy/envoy.yaml"));
    let recipe = place.enable(&recipe.expect("the recipe"), &EXTRAS);
    let validator = match place.validator.strip_prefix("unix:") {
        Some(path) => format!("pipe: {{ path: {path} }}"),
        None => address(place.validator),
    };
    let listen = address(&format!("127.0.0.1:{}", place.port));
    let config = replaced(
        &recipe,
        &[
            (&address("0.0.0.0:8000"), &listen),
            ("login.example.com", LOGIN_HOST),
            ("crm.example.com", DOMAIN),
            (&address("vault-auth-validator:8080"), &validator),
            (&address("vault-auth-validator:8081"), &address(place.recipe.login)),
            ("https://mcp.example.com/mcp", MCP_RESOURCE),
            ("mcp.example.com", MCP_HOST),
            (&address("mcp:8000"), &address(place.recipe.mcp)),
            (&address("crm:3000"), &address(place.application)),
            ("STRICT_DNS", "STATIC"),
            (REQUIREMENT, place.recipe.requirement),
        ],
    );
    let path = dir.join("envoy.yaml");
    fs::write(&path, config).expect("the configuration");
    let mut command = Command::new(tools::envoy());
    command
        .env_clear()
        .args(["--use-dynamic-base-id", "--concurrency", "1", "--log-level", "warning"])
        .arg("--config-path")
        .arg(path);
    command
}

/// Returns an address in the recipe's notation.
fn address(text: &str) -> String {
    let (host, port) = text.rsplit_once(':').expect("host:port");
    format!("socket_address: {{ address: {host}, port_value: {port} }}")
}

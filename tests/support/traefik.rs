//! A real Traefik with the very configuration of `deploy/traefik/`.

use std::{fs, process::Command};

use super::{
    edge::{
        DOMAIN, Edge, Extra, LOGIN_HOST, MCP_HOST, MCP_RESOURCE, ORIGIN, Place, REQUIREMENT,
        Recipe, replaced,
    },
    tools,
};

/// Replacements in the static configuration that turn a part on.
const EXTRAS: [(Extra, &str, &str); 1] = [(
    Extra::FrontProxy,
    "# forwardedHeaders: { trustedIPs: [192.0.2.10] }",
    "forwardedHeaders: { trustedIPs: [127.0.0.0/8] }",
)];

/// Replacements in the site of the MCP server.
const MCP_EXTRAS: [(Extra, &str, &str); 1] = [(Extra::McpTools, "acl=route/mcp", "mcp=route/mcp")];

/// Starts Traefik.
///
/// # Panics
/// If it does not start.
pub async fn start(validator: &str, application: &str, recipe: Recipe<'_>) -> Edge {
    Edge::start("traefik", validator, application, recipe, command).await
}

fn command(place: &Place<'_>) -> Command {
    let dir = place.dir.path();
    let recipe = tools::repository("deploy/traefik");
    let read = |path: &str| fs::read_to_string(recipe.join(path)).expect("the recipe");
    let dynamic = dir.join("dynamic");
    let fixed = replaced(
        &place.enable(&read("traefik.yaml"), &EXTRAS),
        &[
            ("\":443\"", &format!("\"127.0.0.1:{}\"", place.port)),
            ("/etc/traefik/dynamic", &dynamic.display().to_string()),
        ],
    );
    fs::create_dir(&dynamic).expect("a folder");
    let site = replaced(&read("dynamic/crm.yaml"), &[(REQUIREMENT, place.recipe.requirement)]);
    let origins = if place.recipe.extra == Some(Extra::Cors) { ORIGIN } else { "" };
    fs::write(dynamic.join("crm.yaml"), site).expect("the site");
    let site = place.enable(&read("dynamic/mcp.yaml"), &MCP_EXTRAS);
    fs::write(dynamic.join("mcp.yaml"), site).expect("the site");
    let config = dir.join("traefik.yaml");
    fs::write(&config, fixed).expect("traefik.yaml");
    let mut command = Command::new(tools::traefik());
    command
        .arg(format!("--configFile={}", config.display()))
        .env_clear()
        .env("HOME", dir)
        .env("AUTH_UPSTREAM", place.validator)
        .env("LOGIN_UPSTREAM", place.recipe.login)
        .env("LOGIN_HOST", LOGIN_HOST)
        .env("CRM_DOMAIN", DOMAIN)
        .env("CRM_TENANTS", "acme,globex")
        .env("CRM_UPSTREAM", place.application)
        .env("CRM_TLS", "off")
        .env("CRM_ORIGINS", origins)
        .env("MCP_HOST", MCP_HOST)
        .env("MCP_RESOURCE", MCP_RESOURCE)
        .env("MCP_UPSTREAM", place.recipe.mcp)
        .env("MCP_TLS", "off")
        .env("MCP_ORIGINS", ORIGIN);
    command
}

//! A real Traefik with the very configuration of `deploy/traefik/`.

use std::{fs, process::Command};

use super::{
    edge::{DOMAIN, Edge, Place, REQUIREMENT, replaced},
    tools,
};

/// Starts it with what the recipe requires.
///
/// # Panics
/// When it doesn't come up.
pub async fn start(validator: &str, application: &str) -> Edge {
    start_with(validator, application, REQUIREMENT).await
}

/// Starts it with another requirement besides the tenant.
///
/// # Panics
/// When it doesn't come up.
pub async fn start_with(validator: &str, application: &str, requirement: &str) -> Edge {
    Edge::start("traefik", validator, application, requirement, command).await
}

fn command(place: &Place<'_>) -> Command {
    let dir = place.dir.path();
    let recipe = tools::repository("deploy/traefik");
    let read = |path: &str| fs::read_to_string(recipe.join(path)).expect("the recipe");
    let dynamic = dir.join("dynamic");
    let fixed = replaced(
        &read("traefik.yaml"),
        &[
            ("\":443\"", &format!("\"127.0.0.1:{}\"", place.port)),
            ("/etc/traefik/dynamic", &dynamic.display().to_string()),
        ],
    );
    fs::create_dir(&dynamic).expect("a folder");
    let site = replaced(&read("dynamic/crm.yaml"), &[(REQUIREMENT, place.requirement)]);
    fs::write(dynamic.join("crm.yaml"), site).expect("the site");
    let config = dir.join("traefik.yaml");
    fs::write(&config, fixed).expect("traefik.yaml");
    let mut command = Command::new(tools::traefik());
    command
        .arg(format!("--configFile={}", config.display()))
        .env_clear()
        .env("HOME", dir)
        .env("AUTH_UPSTREAM", place.validator)
        .env("CRM_DOMAIN", DOMAIN)
        .env("CRM_TENANTS", "acme,globex")
        .env("CRM_UPSTREAM", place.application)
        .env("CRM_TLS", "off");
    command
}

//! OAuth for clients of the Model Context Protocol: cases M1 to M24, and what goes beyond them.

mod authorization;
mod calls;
mod explain;
mod metadata;
mod outages;
mod registered;
mod resource;
mod tokens;

use serde_json::json;

use crate::support::{
    http::Answer,
    oauth_app::{ENV, OAuthApp},
    people::People,
};

/// The requirement of the resource's route.
const ROUTE: &str = "resource=https://mcp.example.com&policy=crm-agent";

/// Starts a platform with the resource and the client, and the person `ana`.
async fn start() -> People {
    start_with(&[]).await
}

async fn start_with(env: &[(&str, &str)]) -> People {
    let env: Vec<_> = ENV.iter().chain(env).copied().collect();
    People::start_with(&env).await
}

/// Asks the validator about a request with this bearer token.
async fn validate(people: &People, requirement: &str, token: &str) -> Answer {
    people.direct.request("POST", "/mcp", requirement, token).await
}

/// Asserts that an answer of the token endpoint is this error.
fn assert_error(answer: &Answer, status: u16, code: &str) {
    assert_eq!(
        (answer.status, answer.json()["error"].as_str()),
        (status, Some(code)),
        "{answer:?}"
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

/// Creates a person whose tokens live for this time.
async fn create_with_ttl(people: &People, name: &str, ttl: &str) {
    let settings = json!({"token_policies": "crm-agent", "token_ttl": ttl, "token_max_ttl": "1h"});
    people.create(name, settings).await;
}

/// The client that is configured.
fn app() -> OAuthApp {
    OAuthApp::default()
}

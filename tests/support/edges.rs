//! Every proxy with a recipe, in front of the same validator and the same application.

use super::{
    caddy,
    edge::{Edge, Recipe},
    envoy, nginx, traefik,
};

/// The proxies, with their names.
pub type Edges = [(&'static str, Edge); 4];

/// Starts each proxy with its recipe, with the validator's auth listener at `validator`.
///
/// # Panics
/// If one does not start.
pub async fn start(validator: &str, application: &str, recipe: Recipe<'_>) -> Edges {
    let (caddy, nginx, traefik, envoy) = tokio::join!(
        caddy::start(validator, application, recipe),
        nginx::start(validator, application, recipe),
        traefik::start(validator, application, recipe),
        envoy::start(validator, application, recipe),
    );
    [("Caddy", caddy), ("nginx", nginx), ("Traefik", traefik), ("Envoy", envoy)]
}

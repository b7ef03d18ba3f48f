//! The alert rules of `deploy/observability/`, evaluated by the real Prometheus on the metrics of a real
//! validator, and delivered by the real Alertmanager. A minute of the rules takes a second.

mod abuse;
mod audit;
mod budget;
mod cache;
mod drift;
mod losses;
mod process;
mod rules;
mod service_token;
mod vault;

use std::{collections::BTreeSet, time::Duration};

use tokio::time::sleep;

use crate::support::{direct::Direct, monitoring::Monitoring};

/// No cache and a short timeout: each request needs Vault.
const UNCACHED: [(&str, &str); 3] = [
    ("VALIDATOR_LOG", "info"),
    ("VALIDATOR_CACHE_TTL", "0s"),
    ("VALIDATOR_VAULT_TIMEOUT", "500ms"),
];

/// The time between two requests of [`under_load`].
const PAUSE: Duration = Duration::from_millis(20);

/// Starts Prometheus and Alertmanager for this service.
async fn watch(service: &Direct) -> Monitoring {
    Monitoring::start(&[service.validator.admin_url().trim_start_matches("http://")]).await
}

/// Repeats a request until the other future has ended.
async fn under_load(mut request: impl AsyncFnMut(), until: impl Future<Output = ()>) {
    let load = async {
        loop {
            request().await;
            sleep(PAUSE).await;
        }
    };
    tokio::select! {
        () = until => {}
        () = load => {}
    }
}

/// Returns a token that Vault does not know.
fn unknown_token() -> String {
    format!("s.{:024x}", rand::random::<u64>())
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

//! Vault's audit feed: what it evicts, how fast, and what happens when it is silent.

mod changes;
mod current;
mod file;
mod paths;
mod silence;
mod standby;

use std::time::Duration;

use crate::{
    expect::{granted, refused},
    support::{direct::Direct, wait::eventually},
};

/// Lifetimes so long that only the feed can be the reason for an eviction.
const LONG: [(&str, &str); 2] =
    [("VALIDATOR_CACHE_TTL", "60s"), ("VALIDATOR_CACHE_TTL_WITH_FEED", "10m")];

/// The time within which a change has to take effect. The limit of the contract is measured elsewhere,
/// without other tests beside.
const SOON: Duration = Duration::from_secs(2);

/// Starts everything, with OpenBao's audit entries posted to the validator.
async fn start() -> Direct {
    let service = Direct::start_with(&LONG).await;
    let url = format!("{}/audit", service.validator.admin_url());
    service.bao.add_feed(&url, "").await;
    complete(&service, 1).await;
    service
}

/// Waits until the feed is complete, or silent.
async fn complete(service: &Direct, is_complete: u8) {
    eventually(Duration::from_secs(20), "the state of the feed", async || {
        let state = service.validator.metric("vault_auth_audit_feed_up").await;
        ((state - f64::from(is_complete)).abs() < 0.5).then_some(())
    })
    .await;
}

/// Puts a token into the cache.
async fn cache(service: &Direct, token: &str) {
    eventually(SOON, "a cached token", async || {
        let answer = service.ask(token).await;
        granted(&answer);
        (answer.header("x-auth-cache") == Some("hit")).then_some(())
    })
    .await;
}

/// Waits until a token is refused.
async fn is_refused(service: &Direct, token: &str, why: &str) {
    let answer = eventually(SOON, why, async || {
        let answer = service.ask(token).await;
        (answer.status != 200).then_some(answer)
    })
    .await;
    refused(&answer, "token_invalid");
}

//! Measures traffic with a Zipf distribution of tokens: few frequent and many rare ones.

use std::{sync::Arc, time::Duration};

use rand::Rng;

use crate::{paced::Paced, report::Report, setup::Setup, support::validator::Validator};

/// The number of callers.
const TOKENS: usize = 2000;

/// The rate of requests, per second. With the cache TTL below it is equivalent to 270 per second
/// with the default TTL of 30 s.
pub const RATE: u32 = 4000;

/// The cache TTL.
const TTL: &str = "2s";

/// The durations of the two phases: until the cache is in a steady state, and for the measurement.
const DURATIONS: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(4)];

pub async fn run(setup: &Setup, report: &mut Report) {
    eprintln!("Zipf: creating {TOKENS} tokens");
    let tokens = setup.tokens(TOKENS).await;
    let validator = setup.validator_on_all_cores(&[("VALIDATOR_CACHE_TTL", TTL)]).await;
    let next = Arc::new(by_rank(tokens));
    let mut before = [0.0; 3];
    for duration in DURATIONS {
        eprintln!("Zipf: {RATE} requests/s for {duration:?}");
        before = counts(&validator).await;
        let paced = Paced {
            address: validator.auth_address().to_owned(),
            path: "/validate".to_owned(),
            connections: 64,
            rate: RATE,
            duration,
        };
        paced.run(Arc::clone(&next) as Arc<_>).await;
    }
    let after = counts(&validator).await;
    let [hits, requests, calls] = [0, 1, 2].map(|at| after[at] - before[at]);
    report.figure("Zipf traffic: hits", "%", vec![hits / requests * 100.0]);
    let name = "Zipf traffic: calls of Vault for 1,000 requests";
    report.figure(name, "", vec![calls / requests * 1000.0]);
}

/// Draws a token: the nth one has a probability proportional to 1/n.
#[expect(clippy::cast_precision_loss, reason = "a few thousand")]
pub fn by_rank(tokens: Vec<String>) -> impl Fn() -> (String, bool) {
    let mut sum = 0.0;
    let cumulative: Vec<f64> = (1..=tokens.len())
        .map(|rank| {
            sum += 1.0 / rank as f64;
            sum
        })
        .collect();
    move || {
        let drawn = rand::rng().random_range(0.0..sum);
        let at = cumulative.partition_point(|&cumulative| cumulative <= drawn);
        (tokens[at.min(tokens.len() - 1)].clone(), true)
    }
}

/// Returns the numbers of cache hits, of requests, and of Vault requests for tokens.
pub async fn counts(validator: &Validator) -> [f64; 3] {
    let mut calls = 0.0;
    for operation in ["lookup", "entity"] {
        let series = format!("vault_requests_total{{operation=\"{operation}\"}}");
        calls += validator.metric(&series).await;
    }
    let hits = validator.metric("cache_requests_total{status=\"hit\"}").await;
    [hits, validator.metric("cache_requests_total").await, calls]
}

//! The simulation against the formulas, and against a measurement.

use crate::{
    options::{Options, Routing},
    random::Zipf,
    report::Report,
    simulation::{Event, run},
    steady::Population,
    tables::{replicas_table, sizes_table, tokens_table},
};

/// The document that explains the tables.
const PAGE: &str = include_str!("../../docs/scaling.md");

fn simulate(options: &Options, ttl: f64, event: Event) -> Report {
    run(options, &Zipf::new(options.tokens, options.exponent), ttl, event)
}

/// Options with a Vault that responds at once, as in the formulas.
fn ideal() -> Options {
    Options {
        tokens: 100_000,
        replicas: 4,
        vault_calls: 1e7,
        latency: 0.0,
        seconds: 60.0,
        ..Options::default()
    }
}

#[track_caller]
fn assert_near(value: f64, expected: f64, tolerance: f64) {
    assert!((value / expected - 1.0).abs() < tolerance, "{value}, expected {expected}");
}

#[test]
fn one_token_is_looked_up_after_75_percent() {
    let options = Options { tokens: 1, rate: 1000.0, replicas: 1, seconds: 2000.0, ..ideal() };
    let report = simulate(&options, 30.0, Event::Nothing);
    let lookups: u64 = report.seconds.iter().map(|second| second.lookups).sum();
    // 2,030 s / 22.5 s
    assert!((89..=91).contains(&lookups), "{lookups}");
    assert!((report.before().hit_ratio() - 1.0).abs() < 1e-9);
}

#[test]
fn simulation_agrees_with_formulas() {
    for (routing, caches) in [(Routing::Sticky, 1), (Routing::Spread, 4)] {
        for (exponent, ttl) in [(1.0, 30.0), (0.0, 30.0), (1.0, 600.0)] {
            let options = Options { routing, exponent, tokens: 20_000, ..ideal() };
            let report = simulate(&options, ttl, Event::Nothing);
            let steady = Population { tokens: 20_000, rate: options.rate, exponent, caches };
            let (steady, before) = (steady.steady(ttl), report.before());
            assert_near(before.hit_ratio(), steady.hits, 0.01);
            let lookups = before.lookups as f64 / before.requests as f64 * options.rate;
            assert_near(lookups, steady.lookups, 0.05);
        }
    }
}

/// The benchmark of docs/performance.md measured 90.3 % hits, and 322 calls for 1,000 requests.
#[test]
fn simulation_agrees_with_benchmark() {
    let options =
        Options { tokens: 2000, rate: 4000.0, ttl: 2.0, replicas: 1, ..Options::default() };
    let before = simulate(&options, 2.0, Event::Nothing).before();
    assert!((before.hit_ratio() - 0.903).abs() < 0.01, "{}", before.hit_ratio());
    let calls = before.lookups as f64 * options.calls / before.requests as f64 * 1000.0;
    assert_near(calls, 322.0, 0.03);
}

#[test]
fn tokens_with_parent_cost_more_with_feed() {
    let options = Options { children: 1.0, tokens: 1, rate: 1000.0, replicas: 1, ..ideal() };
    let before = simulate(&options, 600.0, Event::Nothing).before();
    // A lookup in 0.75 × 200 ms, and the time to the next request.
    assert_near(before.lookups as f64 / 25.0, 1.0 / 0.151, 0.02);
}

#[test]
fn empty_cache_is_filled_by_lookups() {
    let options = Options { tokens: 1000, rate: 500.0, replicas: 1, ..ideal() };
    let report = simulate(&options, 600.0, Event::RestartEmpty);
    assert!(report.lowest_hits() < 0.95, "{}", report.lowest_hits());
    assert!(report.recovered_after().is_some_and(|seconds| seconds > 0));
    let after: u64 = report.seconds[report.event_at..].iter().map(|second| second.lookups).sum();
    // One for each token that was used.
    assert!((900..=1000).contains(&after), "{after}");
}

#[test]
fn slow_vault_causes_refusals_after_restart() {
    let slow = Options { vault_calls: 500.0, latency: 0.02, ..ideal() };
    assert!(simulate(&slow, 600.0, Event::RestartEmpty).refused() > 1000);
    assert_eq!(simulate(&slow, 600.0, Event::Nothing).refused(), 0);
}

#[test]
fn restarted_replica_has_32_calls_at_once() {
    // With 100 ms for each, these are 320 lookups per second, and 2,560 if the tokens are known.
    let distant = Options { latency: 0.05, ..ideal() };
    assert!(simulate(&distant, 600.0, Event::RestartEmpty).refused() > 1000);
    assert_eq!(simulate(&distant, 600.0, Event::Change).refused(), 0);
}

#[test]
fn kept_cache_saves_lookups_without_feed() {
    let options = Options { tokens: 10_000, ..ideal() };
    let kept = simulate(&options, 30.0, Event::RestartKept);
    let empty = simulate(&options, 30.0, Event::RestartEmpty);
    assert!(kept.peak_lookups() * 2 < empty.peak_lookups());
    assert_eq!(kept.recovered_after(), Some(0));
    // The feed of the new process does not cover the entries of the one before.
    assert!(simulate(&options, 600.0, Event::RestartKept).lowest_hits() < 0.9);
}

#[test]
fn lost_feed_falls_back_to_shorter_lifetime() {
    let options = Options { tokens: 10_000, loss: 55.0, ..ideal() };
    let report = simulate(&options, 600.0, Event::FeedLoss);
    let without = Population { tokens: 10_000, rate: 10_000.0, exponent: 1.0, caches: 1 };
    let before = report.before();
    assert!((before.lookups as f64 / 25.0) < without.steady(600.0).lookups * 1.2);
    let lookups = |from: usize, to: usize| -> u64 {
        let seconds = &report.seconds[report.event_at + from..report.event_at + to];
        seconds.iter().map(|second| second.lookups).sum()
    };
    // Until the end of the silence, nothing changes; then each token is looked up once in 22.5 s or less.
    assert!(lookups(0, 4) < 4 * before.lookups / 20);
    let expected = without.steady(30.0).lookups * 22.5;
    assert!(lookups(28, 51) as f64 > 0.8 * expected, "{} {expected}", lookups(28, 51));
}

#[test]
fn change_concerns_all_replicas() {
    let options = Options { tokens: 1000, ..ideal() };
    let report = simulate(&options, 600.0, Event::Change);
    let second = &report.seconds[report.event_at];
    assert!(second.lookups > 800 && second.lookups <= 1000, "{}", second.lookups);
}

#[test]
fn document_has_these_tables() {
    let options = Options::default();
    let tables = [tokens_table(&options), sizes_table(&options), replicas_table(&options)];
    for line in tables.concat() {
        assert!(PAGE.contains(line.trim_end()), "docs/scaling.md: the table is now\n{line}");
    }
}

//! Measures the effect of uncached tokens on their callers and on other callers.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::json;

use crate::{
    Options,
    cpu::{self, ALL_CORES, LOAD_CORE, Priority},
    paced::{Paced, percentile},
    report::{Report, Spread, Target},
    setup::Setup,
    support::{
        fault::{Fault, FaultProxy},
        http, platform,
        stack::bearer,
    },
};

/// The number of tokens that are validated in a round.
const COLD: usize = 60;

/// The response time of a slow Vault.
const SLOW: Duration = Duration::from_millis(50);

/// One of this number of requests has an uncached token.
const ONE_IN: usize = 100;

/// The duration of the requests of a round.
const DURATION: Duration = Duration::from_secs(2);

/// The rate of all requests, per second.
const RATE: u32 = 2000;

pub async fn run(setup: &Setup, options: &Options, report: &mut Report) {
    wall_time(setup, options, report).await;
    tail(setup, options, report).await;
}

/// Compares an uncached validation with the Vault requests that it needs. One client sends them one
/// after the other over persistent connections, each pair with a new token.
async fn wall_time(setup: &Setup, options: &Options, report: &mut Report) {
    let validator = setup.validator_on_all_cores(&[]).await;
    let auth = platform::log_in(&setup.bao, &setup.role).await;
    let own = auth["client_token"].as_str().expect("a token").to_owned();
    let client = http::client();
    let addr = setup.bao.addr();
    let entity = format!("{addr}/v1/identity/entity/id/{}", setup.caller.entity_id);
    let (lookup, validate) =
        (format!("{addr}/v1/auth/token/lookup"), format!("{}/validate", validator.auth_url()));
    let own = [("x-vault-token", own.as_str()), ("content-type", "application/json")];
    let mut ratios = Vec::new();
    for round in 1..=options.rounds {
        let (mut raw, mut ours) = (Vec::new(), Vec::new());
        for token in setup.tokens(COLD).await {
            let start = Instant::now();
            let body = json!({ "token": token }).to_string();
            let found = http::send(&client, "POST", &lookup, &own, Some(body)).await;
            let read = http::send(&client, "GET", &entity, &own[..1], None).await;
            raw.push(start.elapsed().as_secs_f64());
            for answer in [found, read] {
                assert_eq!(answer.expect("an answer of OpenBao").status, 200);
            }
            let start = Instant::now();
            let header = [("authorization", bearer(&token))];
            let header = [(header[0].0, header[0].1.as_str())];
            let answer = http::send(&client, "GET", &validate, &header, None).await;
            ours.push(start.elapsed().as_secs_f64());
            let answer = answer.expect("an answer of the validator");
            assert_eq!((answer.status, answer.header("x-auth-cache")), (200, Some("miss")));
        }
        let (raw, ours) = (Spread::of(&raw).median, Spread::of(&ours).median);
        let (raw_micros, micros) = (raw * 1e6, ours * 1e6);
        eprintln!("cold {round}/{}  {micros:.0} µs, raw calls {raw_micros:.0} µs", options.rounds);
        ratios.push(ours / raw);
    }
    let name = "wall time: cold validation / the calls of Vault in it";
    report.figure(name, "×", ratios).to(Target::AtMost(1.10));
}

/// Measures the latency of cached requests while uncached requests wait for a slow Vault. The
/// validator runs on one core, and the clients on the other. Both have real-time priority over all
/// other processes, including OpenBao, so that the latency does not include waiting for a core.
async fn tail(setup: &Setup, options: &Options, report: &mut Report) {
    let slow = FaultProxy::start(&setup.bao.authority()).await;
    let validator = setup.validator(&[("VAULT_ADDR", &slow.addr())]).await;
    let load = std::process::id();
    cpu::set_priority(validator.process().pid(), Priority::RealTime);
    let cached = setup.caller.token.clone();
    let answer = validator.validate("", &[("authorization", &bearer(&cached))]).await;
    assert_eq!(answer.status, 200);
    slow.set(Fault::Late(SLOW)).await;
    let paced = Paced {
        address: validator.auth_address().to_owned(),
        path: "/validate".to_owned(),
        connections: 64,
        rate: RATE,
        duration: DURATION,
    };
    let (mut without, mut with, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=options.rounds {
        let count = RATE as usize * usize::try_from(DURATION.as_secs()).unwrap_or(1) / ONE_IN + 16;
        let cold = setup.tokens(count).await;
        cpu::pin(load, LOAD_CORE);
        cpu::set_priority(load, Priority::RealTime);
        let hot = cached.clone();
        let mut latencies = paced.run(Arc::new(move || (hot.clone(), true))).await;
        let calm = percentile(&mut latencies, 99);
        let mut latencies = paced.run(Arc::new(one_cold_in(ONE_IN, cached.clone(), cold))).await;
        let disturbed = percentile(&mut latencies, 99);
        cpu::set_priority(load, Priority::Default);
        cpu::pin(load, ALL_CORES);
        eprintln!(
            "tail {round}/{}  p99 {calm:.0} µs, with cold ones {disturbed:.0} µs",
            options.rounds
        );
        without.push(calm);
        with.push(disturbed);
        ratios.push(disturbed / calm);
    }
    let name = "p99 of cached requests: 1 % cold, Vault at 50 ms / none cold";
    report.figure(name, "×", ratios).to(Target::AtMost(1.5));
    report.figure("p99 of cached requests, none cold", "µs", without);
    report.figure("p99 of cached requests, 1 % cold", "µs", with);
}

/// Returns a token source. One of `many` tokens is an uncached one, whose latency does not count.
fn one_cold_in(many: usize, cached: String, cold: Vec<String>) -> impl Fn() -> (String, bool) {
    let (count, cold) = (AtomicUsize::new(0), Mutex::new(cold));
    move || {
        let number = count.fetch_add(1, Ordering::Relaxed);
        let new =
            (number % many == many - 1).then(|| cold.lock().expect("no panic").pop()).flatten();
        new.map_or_else(|| (cached.clone(), true), |token| (token, false))
    }
}

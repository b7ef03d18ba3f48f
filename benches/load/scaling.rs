//! Measures how the cost of a request depends on the number of tokens, connections and cores.

use crate::{
    Options,
    contest::{Contestant, compete},
    cpu::ALL_CORES,
    report::{Report, Target, cpu},
    serve::{ContestantProcess, Server},
    setup::{Setup, TENANT_AND_POLICY},
    wrk::{Load, Tokens},
};

/// The numbers of cached tokens.
const TOKENS: [usize; 4] = [1, 1_000, 100_000, 1_000_000];

/// The numbers of connections.
const CONNECTIONS: [usize; 4] = [32, 128, 512, 1024];

/// Measures the cost of a cache hit and the memory per token. A backend that accepts all tokens
/// fills the caches, because OpenBao would take minutes to create a million tokens. The listener
/// is the validator's.
pub async fn tokens(options: &Options, report: &mut Report) {
    let mut servers = Vec::new();
    for tokens in TOKENS {
        eprintln!("tokens: filling a cache with {tokens}");
        servers.push(ContestantProcess::filled(tokens).await);
    }
    let contestants = TOKENS.iter().zip(&servers).map(|(&tokens, server)| {
        let load = Load::new(server.url(TENANT_AND_POLICY), Tokens::Many(tokens));
        Contestant::new(format!("{tokens} tokens"), load, &[server.pid()])
    });
    let runs =
        compete("tokens", &contestants.collect::<Vec<_>>(), &options.with_few_rounds()).await;
    let [_, thousand, many, million] = runs.as_slice() else { unreachable!("as many as sizes") };
    let name = "CPU: hit among 1,000,000 tokens / among 1,000";
    report.ratio(name, million, thousand, cpu).to(Target::AtMost(1.5));
    report.ratio("CPU: hit among 100,000 tokens / among 1,000", many, thousand, cpu);
    for (tokens, server) in TOKENS.iter().zip(&servers).skip(2) {
        let name = format!("resident bytes per cached token at {tokens}");
        let figure = report.figure(&name, "B", vec![server.bytes_per_token()]);
        if *tokens == 1_000_000 {
            figure.to(Target::AtMost(600.0));
        }
    }
    report.chart("CPU time of a hit by cached tokens (µs)", &runs, cpu);
    report.keep("tokens", runs);
}

/// Compares 32 to 1,024 connections, on one core.
pub async fn connections(setup: &Setup, options: &Options, report: &mut Report) {
    let hyper = ContestantProcess::start(Server::Hyper).await;
    let validator = setup.validator(&[]).await;
    let mut contestants = Vec::new();
    for connections in CONNECTIONS {
        let mut add = |name: &str, url: String, pid| {
            let mut load = Load::new(url, Tokens::One(setup.caller.token.clone()));
            load.connections = connections;
            let name = format!("{name}, {connections} connections");
            contestants.push(Contestant::new(name, load, &[pid]));
        };
        add("bare hyper", hyper.url("/validate"), hyper.pid());
        let url = format!("{}{TENANT_AND_POLICY}", validator.auth_url());
        add("validator", url, validator.process().pid());
    }
    let runs = compete("connections", &contestants, &options.with_few_rounds()).await;
    for (pair, connections) in runs.chunks_exact(2).zip(CONNECTIONS) {
        let [hyper, ours] = pair else { unreachable!("a pair") };
        let name = format!("CPU: validator / bare hyper, {connections} connections");
        report.ratio(&name, ours, hyper, cpu);
    }
    report.chart("CPU time per request by connections, one core (µs)", &runs, cpu);
    report.keep("connections", runs);
}

/// Compares one core with two. With two, the load generator runs on the same cores.
pub async fn cores(setup: &Setup, options: &Options, report: &mut Report) {
    let hyper = [
        ContestantProcess::start(Server::Hyper).await,
        ContestantProcess::start_on(ALL_CORES, Server::Hyper).await,
    ];
    let validators = [setup.validator(&[]).await, setup.validator_on_all_cores(&[]).await];
    let mut contestants = Vec::new();
    for (at, cores) in ["one core", "two cores"].into_iter().enumerate() {
        let mut add = |name: &str, url: String, pid| {
            let mut load = Load::new(url, Tokens::One(setup.caller.token.clone()));
            load.pinned = at == 0;
            contestants.push(Contestant::new(format!("{name}, {cores}"), load, &[pid]));
        };
        add("bare hyper", hyper[at].url("/validate"), hyper[at].pid());
        let url = format!("{}{TENANT_AND_POLICY}", validators[at].auth_url());
        add("validator", url, validators[at].process().pid());
    }
    let runs = compete("cores", &contestants, &options.with_few_rounds()).await;
    let [one_hyper, one, two_hyper, two] = runs.as_slice() else { unreachable!("four") };
    report.ratio("CPU: validator / bare hyper, one core", one, one_hyper, cpu);
    report.ratio("CPU: validator / bare hyper, two cores", two, two_hyper, cpu);
    report.chart("CPU time per request by cores (µs)", &runs, cpu);
    report.keep("cores", runs);
}

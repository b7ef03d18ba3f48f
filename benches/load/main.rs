//! Measures the cost of a request to this service and to other servers. `make bench` runs all
//! groups; docs/performance.md describes the measurements.
//!
//! To run one group: `cargo bench --features bench --bench load -- --only direct
//! --rounds 3`.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    unreachable_pub,
    missing_docs,
    reason = "a benchmark prints its results, and panics if its setup fails"
)]

mod api;
mod caddy;
mod cold;
mod contest;
mod cpu;
mod direct;
mod feed;
mod large;
mod nginx;
mod paced;
mod plot;
mod report;
mod scaling;
mod serve;
mod setup;
mod start;
mod wrk;
mod zipf;

#[path = "../fixture/mod.rs"]
mod fixture;

#[path = "../../tests/support/mod.rs"]
mod support;

use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use tokio::runtime::Runtime;

use self::{report::Report, serve::Server, setup::Setup};

/// Measures the cost of a request to this service and to other servers.
#[derive(Clone, Parser)]
struct Options {
    /// The groups to measure; all by default.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Group>,
    /// The number of runs of each contestant.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// The number of tokens that OpenBao creates for `large`.
    #[arg(long, default_value_t = 1_000_000)]
    large: usize,
    /// The duration of a run, in seconds.
    #[arg(long, default_value_t = 1)]
    seconds: u64,
    /// Run as this contestant.
    #[arg(long, value_enum, hide = true)]
    serve: Option<Server>,
    /// The number of tokens that the contestant has cached.
    #[arg(long, default_value_t = 0, hide = true)]
    tokens: usize,
    /// Set by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
}

/// A group of measurements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Group {
    /// Each server without a proxy in between.
    Direct,
    /// Each server behind Caddy.
    Caddy,
    /// From one cached token to a million.
    Tokens,
    /// From 32 connections to 1,024.
    Connections,
    /// One core and two.
    Cores,
    /// Tokens with a Zipf distribution: few frequent and many rare ones.
    Zipf,
    /// The audit feed: calls to Vault, the delay of revocations, and a flood of entries.
    Feed,
    /// Tokens that are not cached.
    Cold,
    /// The secrets API.
    Api,
    /// Start time, idle memory and image size.
    Start,
    /// Many tokens that OpenBao has created. Takes long, so it is not a default group.
    Large,
}

impl Options {
    /// Returns these options with at most three rounds, for groups without performance targets.
    fn with_few_rounds(&self) -> Self {
        Self { rounds: self.rounds.min(3), ..self.clone() }
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    match options.serve {
        Some(server) => serve::run(server, options.tokens),
        None => Runtime::new().expect("a runtime").block_on(run(&options)),
    }
    ExitCode::SUCCESS
}

async fn run(options: &Options) {
    let mut groups = options.only.clone();
    if groups.is_empty() {
        groups = Group::value_variants().to_vec();
        groups.retain(|group| *group != Group::Large);
    }
    let setup = Setup::start().await;
    let mut report = Report::default();
    for group in groups {
        match group {
            Group::Direct => direct::run(&setup, options, &mut report).await,
            Group::Caddy => caddy::run(&setup, options, &mut report).await,
            Group::Tokens => scaling::tokens(options, &mut report).await,
            Group::Connections => scaling::connections(&setup, options, &mut report).await,
            Group::Cores => scaling::cores(&setup, options, &mut report).await,
            Group::Zipf => zipf::run(&setup, &mut report).await,
            Group::Feed => feed::run(&mut report).await,
            Group::Cold => cold::run(&setup, options, &mut report).await,
            Group::Api => api::run(&setup, options, &mut report).await,
            Group::Start => start::run(&setup, options, &mut report).await,
            Group::Large => large::run(&setup, options, &mut report).await,
        }
    }
    report.print();
    plot::write(&report);
}

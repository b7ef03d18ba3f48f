//! Measures the cost of a request, of this service and of others. `make bench` runs all groups;
//! docs/performance.md explains what is measured and why.
//!
//! To run one group of contestants: `cargo bench --features bench --bench load -- --only direct
//! --rounds 3`.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    unreachable_pub,
    missing_docs,
    reason = "a benchmark's output is its purpose, and when something fails it has to"
)]

mod api;
mod caddy;
mod cold;
mod contest;
mod cpu;
mod direct;
mod ground;
mod growth;
mod large;
mod nginx;
mod paced;
mod plot;
mod report;
mod serve;
mod start;
mod wrk;
mod zipf;

#[path = "../known/mod.rs"]
mod known;

#[path = "../../tests/support/mod.rs"]
mod support;

use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use tokio::runtime::Runtime;

use self::{ground::Ground, report::Report, serve::Server};

/// Measures the cost of a request, of this service and of others.
#[derive(Clone, Parser)]
struct Options {
    /// The groups to measure; all by default.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Group>,
    /// The number of runs of each contestant.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// The number of tokens that OpenBao has to create for `large`.
    #[arg(long, default_value_t = 1_000_000)]
    large: usize,
    /// The duration of a run, in seconds.
    #[arg(long, default_value_t = 1)]
    seconds: u64,
    /// Run as one of the contestants.
    #[arg(long, value_enum, hide = true)]
    serve: Option<Server>,
    /// The number of tokens that the contestant has cached.
    #[arg(long, default_value_t = 0, hide = true)]
    tokens: usize,
    /// Sent by `cargo bench`.
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
    /// Few tokens that are used often, and many that are used rarely.
    Zipf,
    /// Tokens that are not cached.
    Cold,
    /// Secrets over HTTP.
    Api,
    /// Time and memory before the first request.
    Start,
    /// Tokens that OpenBao has created and validated. Takes long, so it is not among the default
    /// groups.
    Large,
}

impl Options {
    /// Returns these options with at most three rounds, for groups without a row of their own in
    /// the goals.
    fn briefly(&self) -> Self {
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
    let ground = Ground::start().await;
    let mut report = Report::default();
    for group in groups {
        match group {
            Group::Direct => direct::run(&ground, options, &mut report).await,
            Group::Caddy => caddy::run(&ground, options, &mut report).await,
            Group::Tokens => growth::tokens(options, &mut report).await,
            Group::Connections => growth::connections(&ground, options, &mut report).await,
            Group::Cores => growth::cores(&ground, options, &mut report).await,
            Group::Zipf => zipf::run(&ground, &mut report).await,
            Group::Cold => cold::run(&ground, options, &mut report).await,
            Group::Api => api::run(&ground, options, &mut report).await,
            Group::Start => start::run(&ground, options, &mut report).await,
            Group::Large => large::run(&ground, options, &mut report).await,
        }
    }
    report.print();
    plot::write(&report);
}

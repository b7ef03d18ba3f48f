//! What a request costs, here and elsewhere. `make bench` runs all of it;
//! docs/performance.md says what is measured and why.
//!
//! One group of contestants by itself: `cargo bench --bench load -- --only direct --rounds 3`.

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

/// What a request costs, here and elsewhere.
#[derive(Clone, Parser)]
struct Options {
    /// What to measure; all of it, if not given.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Group>,
    /// How many times each contestant runs.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How many tokens OpenBao has to make for `large`.
    #[arg(long, default_value_t = 1_000_000)]
    large: usize,
    /// How many seconds a run lasts.
    #[arg(long, default_value_t = 1)]
    seconds: u64,
    /// Be one of the contestants.
    #[arg(long, value_enum, hide = true)]
    serve: Option<Server>,
    /// How many tokens that one knows.
    #[arg(long, default_value_t = 0, hide = true)]
    tokens: usize,
    /// Sent by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
}

/// What can be measured by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Group {
    /// Each server asked without a proxy in between.
    Direct,
    /// The same through Caddy.
    Caddy,
    /// From one cached token to a million.
    Tokens,
    /// From 32 connections to 1,024.
    Connections,
    /// One core and two.
    Cores,
    /// Few tokens that are seen often, and many now and then.
    Zipf,
    /// Tokens that are not known yet.
    Cold,
    /// Secrets over HTTP.
    Api,
    /// Time and memory before the first request.
    Start,
    /// Tokens that a real OpenBao made and told about. Takes long, and so is not among all.
    Large,
}

impl Options {
    /// As these, but no more than three rounds, for what is no row of its own in the goals.
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

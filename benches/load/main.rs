//! What a request costs, here and elsewhere. `make bench` runs all of it;
//! docs/performance.md says what is measured and why.
//!
//! One group of contestants by itself: `cargo bench --bench load -- --only direct --rounds 3`.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    dead_code,
    unreachable_pub,
    missing_docs,
    reason = "a benchmark's output is its purpose, and when something fails it has to"
)]

mod contest;
mod cpu;
mod direct;
mod ground;
mod nginx;
mod report;
mod serve;
mod wrk;

#[path = "../../tests/support/mod.rs"]
mod support;

use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use tokio::runtime::Runtime;

use self::{ground::Ground, report::Report, serve::Server};

/// What a request costs, here and elsewhere.
#[derive(Parser)]
struct Options {
    /// What to measure; all of it, if not given.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Group>,
    /// How many times each contestant runs.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How many seconds a run lasts.
    #[arg(long, default_value_t = 1)]
    seconds: u64,
    /// Be one of the contestants.
    #[arg(long, value_enum, hide = true)]
    serve: Option<Server>,
    /// Sent by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
}

/// What can be measured by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Group {
    /// Each server asked without a proxy in between.
    Direct,
}

fn main() -> ExitCode {
    let options = Options::parse();
    match options.serve {
        Some(server) => serve::run(server),
        None => Runtime::new().expect("a runtime").block_on(run(&options)),
    }
    ExitCode::SUCCESS
}

async fn run(options: &Options) {
    let groups = match options.only.as_slice() {
        [] => Group::value_variants(),
        some => some,
    };
    let ground = Ground::start().await;
    let mut report = Report::default();
    for group in groups {
        match group {
            Group::Direct => direct::run(&ground, options, &mut report).await,
        }
    }
    report.print();
}

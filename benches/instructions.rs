//! Counts the instructions of a cached `/validate` request within the process, with Valgrind. The
//! counts are almost equal in all runs, so `make bench-check` compares them with those in
//! `baseline.json`. `make bench-record` updates that file.
//!
//! Each kind of request is counted in two runs with different numbers of requests, so that setup
//! and shutdown are excluded.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    unreachable_pub,
    reason = "a benchmark prints its results, and panics if its setup fails"
)]

mod fixture;

use std::{collections::BTreeMap, fs, path::Path, process::Command, process::ExitCode};

use clap::Parser;
use tokio::runtime::Builder;

/// The numbers of requests of the two runs.
const REQUESTS: [u64; 2] = [2_000, 12_000];

/// The relative change, up or down, that fails the check.
const TOLERANCE: f64 = 0.03;

/// Counts the instructions of a cached `/validate` request.
#[derive(Parser)]
struct Options {
    /// Write the baseline instead of comparing with it.
    #[arg(long)]
    record: bool,
    /// Send this number of requests of the kind, without counting.
    #[arg(long, num_args = 2, value_names = ["KIND", "REQUESTS"], hide = true)]
    send: Vec<String>,
    /// Set by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let options = Options::parse();
    if let [kind, requests] = options.send.as_slice() {
        send(kind, requests.parse().expect("a number"));
        return ExitCode::SUCCESS;
    }
    let counted: BTreeMap<_, _> =
        fixture::KINDS.map(|(kind, ..)| (kind.to_owned(), count(kind))).into();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/baseline.json");
    if options.record {
        let text = serde_json::to_string_pretty(&counted).expect("JSON");
        fs::write(&file, text + "\n").expect("the baseline's file");
    }
    let text = fs::read_to_string(&file).expect("benches/baseline.json: record it first");
    compare(&counted, &serde_json::from_str(&text).expect("JSON"))
}

/// Sends requests of this kind. All except the first are cache hits.
fn send(kind: &str, requests: u64) {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let known = fixture::KINDS.into_iter().find(|(name, ..)| *name == kind);
        let (_, target, credential) = known.expect("a kind");
        let (handler, request) = fixture::handler_and_request(target, credential);
        let mut connection = handler.connection();
        for _ in 0..requests {
            assert!(connection.respond(&request).await.starts_with(b"HTTP/1.1 200 "));
        }
    });
}

/// Returns the number of instructions per request.
fn count(kind: &str) -> u64 {
    let [few, many] = REQUESTS.map(|requests| instructions(kind, requests));
    (many - few) / (REQUESTS[1] - REQUESTS[0])
}

fn instructions(kind: &str, requests: u64) -> u64 {
    let program = std::env::current_exe().expect("own path");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args(["--send", kind, &requests.to_string()])
        .output()
        .expect("valgrind");
    let text = String::from_utf8_lossy(&output.stderr);
    let collected = text.lines().find_map(|line| line.split_once("Collected : "));
    let count = collected.and_then(|(_, count)| count.trim().parse().ok());
    count.unwrap_or_else(|| panic!("valgrind counted nothing:\n{text}"))
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn compare(counted: &BTreeMap<String, u64>, recorded: &BTreeMap<String, u64>) -> ExitCode {
    let mut within_tolerance = true;
    println!("{:<20}{:>12}{:>12}{:>9}", "hit", "recorded", "counted", "");
    for (kind, &now) in counted {
        let before = recorded.get(kind).copied().unwrap_or(now);
        let change = now as f64 / before as f64 - 1.0;
        let word = match change {
            _ if change > TOLERANCE => "ABOVE THE LIMIT",
            _ if change < -TOLERANCE => "improved: run `make bench-record`",
            _ => "",
        };
        within_tolerance &= word.is_empty();
        println!("{kind:<20}{before:>12}{now:>12}{:>+8.1}% {word}", change * 100.0);
    }
    if within_tolerance { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

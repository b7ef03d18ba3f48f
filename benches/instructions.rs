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

use std::{
    collections::BTreeMap,
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Command, ExitCode},
    thread,
};

use clap::Parser;
use tokio::runtime::Builder;
use tracing::level_filters::LevelFilter;
use vault_auth_validator::telemetry::{
    self, LogFormat, OtlpProtocol, SignalExport, TelemetrySettings, TraceExport, TraceSampler,
};

/// The numbers of requests of the two runs.
const REQUESTS: [u64; 2] = [2_000, 12_000];

/// Requests without a requirement while traces are exported: the names, and the header that the proxy
/// sends in addition. At a ratio of 1 % of those without a parent, and for a parent that is not sampled.
const TRACED: [(&str, &str); 2] = [
    ("traced at 1 %", ""),
    (
        "parent not sampled",
        "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00\r\n",
    ),
];

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
    let receiver = start_receiver();
    let kinds = fixture::KINDS.map(|(kind, ..)| kind).into_iter();
    let kinds = kinds.chain(TRACED.map(|(kind, _)| kind));
    let counted: BTreeMap<_, _> =
        kinds.map(|kind| (kind.to_owned(), count(kind, &receiver))).collect();
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
    let header = TRACED.into_iter().find(|(name, _)| *name == kind).map(|(_, header)| header);
    let traces = if header.is_some() { one_percent() } else { TraceExport::Off };
    let (level, format) = (LevelFilter::OFF, LogFormat::Json);
    // Sends the spans when it is dropped.
    let _telemetry = telemetry::start(&TelemetrySettings {
        level,
        format,
        traces,
        log_export: None,
        sentry: None,
    });
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let known = fixture::KINDS.into_iter().find(|(name, ..)| *name == kind);
        let (_, target, credential) = known.unwrap_or(fixture::KINDS[0]);
        let (handler, mut request) = fixture::handler_and_request(target, credential);
        let handler = handler.with_traces(traces);
        let header = header.unwrap_or_default();
        request.splice(request.len() - 2..request.len() - 2, header.bytes());
        let mut connection = handler.connection();
        for _ in 0..requests {
            assert!(connection.respond(&request).await.starts_with(b"HTTP/1.1 200 "));
        }
    });
}

fn one_percent() -> TraceExport {
    let sampler = TraceSampler::parse(Some("parentbased_traceidratio"), Some("0.01"));
    let export = SignalExport {
        protocol: OtlpProtocol::Http,
        timeout: std::time::Duration::from_secs(10),
        queue_size: 2048,
    };
    TraceExport::Otlp { sampler: sampler.expect("a sampler"), export }
}

/// Starts a receiver of spans in this process, which is not counted, and returns its URL.
fn start_receiver() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.expect("a connection");
            thread::spawn(move || accept_all(stream));
        }
    });
    format!("http://{address}")
}

/// Reads a request to its end, responds with 200, and so on.
fn accept_all(mut stream: TcpStream) {
    let (mut read, mut chunk) = (Vec::new(), [0; 4096]);
    while let Ok(length @ 1..) = stream.read(&mut chunk) {
        read.extend_from_slice(&chunk[..length]);
        let text = String::from_utf8_lossy(&read).to_ascii_lowercase();
        let Some(head) = text.find("\r\n\r\n") else { continue };
        let body = text.split_once("content-length: ").and_then(|(_, rest)| {
            rest.split("\r\n").next().and_then(|length| length.parse::<usize>().ok())
        });
        if read.len() >= head + 4 + body.unwrap_or(0) {
            read.clear();
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        }
    }
}

/// Returns the number of instructions per request.
fn count(kind: &str, receiver: &str) -> u64 {
    let [few, many] = REQUESTS.map(|requests| instructions(kind, requests, receiver));
    (many - few) / (REQUESTS[1] - REQUESTS[0])
}

fn instructions(kind: &str, requests: u64, receiver: &str) -> u64 {
    let program = std::env::current_exe().expect("own path");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args(["--send", kind, &requests.to_string()])
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", receiver)
        // All spans are sent at the end.
        .env("OTEL_BSP_SCHEDULE_DELAY", "3600000")
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

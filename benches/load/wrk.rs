//! The load generator wrk. It sends the next request on a connection after each response.

use std::{fs, path::PathBuf, process::Command, time::Duration};

use serde::Deserialize;

use crate::{
    cpu::{LOAD_CORE, TASKSET},
    support::{raw::exchange, tools::repository},
};

/// The callers of the requests.
#[derive(Clone)]
pub enum Tokens {
    /// One caller.
    One(String),
    /// One person, with this session cookie.
    Session(String),
    /// This number of callers, uniformly distributed.
    Many(usize),
    /// The callers in this file, uniformly distributed.
    Listed(PathBuf),
}

/// The requests and the server to send them to.
#[derive(Clone)]
pub struct Load {
    pub url: String,
    pub tokens: Tokens,
    pub connections: usize,
    /// The core of the load generator; any if `None`.
    pub pinned: bool,
}

/// The figures that wrk reports.
#[derive(Deserialize)]
pub struct WrkReport {
    pub requests: u64,
    pub micros: u64,
    failed: u64,
    /// The median latency, in microseconds.
    pub p50: u64,
    /// The 99th percentile of the latency, in microseconds.
    pub p99: u64,
}

impl Load {
    /// Creates a load with 32 connections, with wrk on its own core.
    pub fn new(url: impl Into<String>, tokens: Tokens) -> Self {
        Self { url: url.into(), tokens, connections: 32, pinned: true }
    }

    /// Sends one request before the measurement, to fill the cache.
    ///
    /// # Panics
    /// If the response is not 200.
    pub async fn probe(&self) {
        let bearer = |token: &str| format!("Authorization: Bearer {token}");
        let credential = match &self.tokens {
            Tokens::One(token) => bearer(token),
            Tokens::Session(cookie) => format!("Cookie: {cookie}"),
            Tokens::Many(_) => bearer(&format!("s.{:024}", 1)),
            Tokens::Listed(file) => {
                let tokens = fs::read_to_string(file).expect("the tokens");
                bearer(tokens.lines().next().expect("a token"))
            }
        };
        let place = self.url.trim_start_matches("http://");
        let (address, path) = place.split_once('/').expect("a path");
        let request = format!(
            "GET /{path} HTTP/1.1\r\nHost: {address}\r\n{credential}\r\n\
             X-Forwarded-Host: acme.crm.example.com\r\nX-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Method: GET\r\n\
             X-Forwarded-Uri: /\r\nConnection: close\r\n\r\n"
        );
        let answer = exchange(address, request.as_bytes(), Duration::from_secs(5)).await;
        let status = answer.map(|answer| answer.status);
        assert_eq!(status, Some(200), "from {}", self.url);
    }

    /// Sends requests for this number of seconds.
    ///
    /// # Panics
    /// If a response is missing or is not 2xx, because the figures would not be comparable.
    pub fn run(&self, seconds: u64) -> WrkReport {
        let (script, argument) = match &self.tokens {
            Tokens::One(token) => ("one.lua", token.clone()),
            Tokens::Session(cookie) => ("session.lua", cookie.clone()),
            Tokens::Many(count) => ("many.lua", count.to_string()),
            Tokens::Listed(file) => ("many.lua", file.display().to_string()),
        };
        let mut command = if self.pinned {
            let mut command = Command::new(TASKSET);
            command.args(["-c", LOAD_CORE, "wrk"]);
            command
        } else {
            Command::new("wrk")
        };
        command
            .args(["-t1", "--latency", "-s", script])
            .arg(format!("-c{}", self.connections))
            .arg(format!("-d{seconds}s"))
            .args([&self.url, "--", &argument])
            .current_dir(repository("benches/load/wrk"));
        let output = command.output().expect("wrk");
        let text = String::from_utf8_lossy(&output.stdout);
        let line = text.lines().find(|line| line.starts_with('{'));
        let report: Option<WrkReport> = line.and_then(|line| serde_json::from_str(line).ok());
        let report = report.filter(|report| report.failed == 0 && report.requests > 0);
        report.unwrap_or_else(|| {
            let errors = String::from_utf8_lossy(&output.stderr);
            panic!("wrk at {}: {text}{errors}", self.url)
        })
    }
}

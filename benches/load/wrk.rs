//! The generator: as many requests as the server answers.

use std::{fs, path::PathBuf, process::Command, time::Duration};

use serde::Deserialize;

use crate::{
    cpu::{LOAD_CORE, TASKSET},
    support::{raw::exchange, tools::repository},
};

/// Who asks.
#[derive(Clone)]
pub enum Tokens {
    /// One caller.
    One(String),
    /// One of so many, each as likely.
    Many(usize),
    /// One of those in this file, each as likely.
    Listed(PathBuf),
}

/// What to send where.
#[derive(Clone)]
pub struct Load {
    pub url: String,
    pub tokens: Tokens,
    pub connections: usize,
    /// The core that it comes from; any, if `None`.
    pub pinned: bool,
}

/// What wrk saw.
#[derive(Deserialize)]
pub struct Seen {
    pub requests: u64,
    pub micros: u64,
    failed: u64,
    /// Microseconds.
    pub p50: u64,
    /// Microseconds.
    pub p99: u64,
}

impl Load {
    /// One core against another, 32 connections.
    pub fn new(url: impl Into<String>, tokens: Tokens) -> Self {
        Self { url: url.into(), tokens, connections: 32, pinned: true }
    }

    /// Asks once before anything is counted, so that what is to be remembered is.
    ///
    /// # Panics
    /// If the answer is no 200.
    pub async fn probe(&self) {
        let token = match &self.tokens {
            Tokens::One(token) => token.clone(),
            Tokens::Many(_) => format!("s.{:024}", 1),
            Tokens::Listed(file) => {
                let tokens = fs::read_to_string(file).expect("the tokens");
                tokens.lines().next().expect("a token").to_owned()
            }
        };
        let place = self.url.trim_start_matches("http://");
        let (address, path) = place.split_once('/').expect("a path");
        let request = format!(
            "GET /{path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\
             X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Method: GET\r\n\
             X-Forwarded-Uri: /\r\nConnection: close\r\n\r\n"
        );
        let answer = exchange(address, request.as_bytes(), Duration::from_secs(5)).await;
        let status = answer.map(|answer| answer.status);
        assert_eq!(status, Some(200), "from {}", self.url);
    }

    /// Sends for so many seconds.
    ///
    /// # Panics
    /// If an answer is no 2xx or does not come: then there is nothing to compare.
    pub fn run(&self, seconds: u64) -> Seen {
        let (script, argument) = match &self.tokens {
            Tokens::One(token) => ("one.lua", token.clone()),
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
        let seen: Option<Seen> = line.and_then(|line| serde_json::from_str(line).ok());
        let seen = seen.filter(|seen| seen.failed == 0 && seen.requests > 0);
        seen.unwrap_or_else(|| {
            let errors = String::from_utf8_lossy(&output.stderr);
            panic!("wrk at {}: {text}{errors}", self.url)
        })
    }
}

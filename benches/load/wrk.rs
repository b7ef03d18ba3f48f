//! The generator: as many requests as the server answers.

use std::process::Command;

use serde::Deserialize;

use crate::{
    cpu::{LOAD_CORE, TASKSET},
    support::tools::repository,
};

/// Who asks.
#[derive(Clone)]
pub enum Tokens {
    /// One caller.
    One(String),
    /// One of so many, each as likely.
    Many(usize),
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

    /// Sends for so many seconds.
    ///
    /// # Panics
    /// If an answer is no 2xx or does not come: then there is nothing to compare.
    pub fn run(&self, seconds: u64) -> Seen {
        let (script, argument) = match &self.tokens {
            Tokens::One(token) => ("one.lua", token.clone()),
            Tokens::Many(count) => ("many.lua", count.to_string()),
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

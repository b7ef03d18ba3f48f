//! Runs the contestants in turn in each round, so that other load on the machine affects all
//! equally.

use std::time::Duration;

use serde::Serialize;

use crate::{
    Options, cpu,
    wrk::{Load, WrkReport},
};

/// A server and the requests to it.
pub struct Contestant {
    pub name: String,
    pub load: Load,
    /// The processes whose CPU time counts as that of the server.
    pub processes: Vec<u32>,
    /// The processes that are pinned to the servers' core for the run, and use all cores otherwise.
    pub moved: Vec<u32>,
}

/// The figures of one run.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Sample {
    /// CPU time of the server per request, in microseconds.
    pub cpu: f64,
    /// Requests per second.
    pub rate: f64,
    /// The median latency, in microseconds.
    pub p50: f64,
    /// The 99th percentile of the latency, in microseconds.
    pub p99: f64,
}

/// The runs of a contestant, one per round.
#[derive(Clone, Debug, Serialize)]
pub struct Runs {
    pub name: String,
    pub samples: Vec<Sample>,
}

impl Contestant {
    pub fn new(name: impl Into<String>, load: Load, processes: &[u32]) -> Self {
        let processes = cpu::with_children(processes);
        Self { name: name.into(), load, processes, moved: Vec::new() }
    }

    fn run(&self, seconds: u64) -> Sample {
        for &pid in &self.moved {
            cpu::pin(pid, cpu::SERVER_CORE);
        }
        let before = cpu::used(&self.processes);
        let report = self.load.run(seconds);
        let used = cpu::used(&self.processes).saturating_sub(before);
        for &pid in &self.moved {
            cpu::pin(pid, cpu::ALL_CORES);
        }
        Sample::new(used, &report)
    }
}

impl Sample {
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
    fn new(used: Duration, report: &WrkReport) -> Self {
        let requests = report.requests as f64;
        Self {
            cpu: used.as_secs_f64() * 1e6 / requests,
            rate: requests / (report.micros as f64 / 1e6),
            p50: report.p50 as f64,
            p99: report.p99 as f64,
        }
    }
}

/// Runs all contestants in turn in each round: A B C, A B C, and so on.
pub async fn compete(title: &str, contestants: &[Contestant], options: &Options) -> Vec<Runs> {
    for contestant in contestants {
        contestant.load.probe().await;
    }
    let mut runs: Vec<_> = contestants
        .iter()
        .map(|contestant| Runs { name: contestant.name.clone(), samples: Vec::new() })
        .collect();
    for round in 1..=options.rounds {
        for (contestant, runs) in contestants.iter().zip(&mut runs) {
            let sample = contestant.run(options.seconds);
            eprintln!(
                "{title} {round}/{}  {:<34}{:>8.2} µs CPU {:>8.0}/s",
                options.rounds, contestant.name, sample.cpu, sample.rate
            );
            runs.samples.push(sample);
        }
    }
    runs
}

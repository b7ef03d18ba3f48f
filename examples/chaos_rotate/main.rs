//! Rotates a tenant's key concurrently with eight writers, while OpenBao is killed, restarted or
//! returns errors. After each round, and again after a restart of OpenBao, every secret must have
//! the value that was acknowledged last.
//!
//! `make chaos-rotate` runs 50 rounds; `make chaos-rotate-check` runs for a minute. `--seed`
//! repeats the random choices of an earlier run, but not its timing.

#![allow(
    clippy::print_stdout,
    clippy::expect_used,
    missing_docs,
    unreachable_pub,
    reason = "an example prints its results and panics if its setup fails; no crate imports it"
)]

#[path = "../../tests/support/mod.rs"]
mod support;

mod proxy;
mod writers;

use std::{
    path::PathBuf,
    process::{Command, ExitCode},
    time::{Duration, Instant},
};

use clap::Parser;
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::json;

use proxy::{Fault, Plan, Proxy};
use support::{bao::Bao, platform, process::Process, tools};
use writers::{TIMEOUT, Tenant, Writers};

/// The maximum time for the rotations of a round.
const DEADLINE: Duration = Duration::from_mins(4);

#[derive(Parser)]
struct Options {
    /// The seed of all random choices.
    #[arg(long)]
    seed: Option<u64>,
    /// The number of rounds.
    #[arg(long, default_value_t = 50)]
    rounds: u64,
    /// Start no round after this number of seconds.
    #[arg(long)]
    seconds: Option<u64>,
    /// The program whose `tenants rotate` is run.
    #[arg(long)]
    program: Option<PathBuf>,
    /// The program does not support --confirm.
    #[arg(long)]
    unconfirmed: bool,
}

struct Driver {
    options: Options,
    choices: StdRng,
    /// The index of the first fault.
    first: u64,
    bao: Bao,
    proxy: Proxy,
    writers: Writers,
    rotator: String,
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    let seed = options.seed.unwrap_or_else(rand::random);
    println!("--seed {seed}");
    let storage = tempfile::tempdir().expect("a temporary directory");
    let start = Instant::now();
    let mut driver = Driver::start(options, seed, storage.path()).await;
    for round in 1..=driver.options.rounds {
        let limit = driver.options.seconds.map(Duration::from_secs);
        if limit.is_some_and(|limit| start.elapsed() >= limit) {
            break;
        }
        if let Err(faults) = driver.round(round).await {
            println!("FAILED in round {round}, --seed {seed}:\n  {}", faults.join("\n  "));
            return ExitCode::FAILURE;
        }
    }
    println!("{:.0?}: {} writes, none lost", start.elapsed(), driver.writers.acknowledged());
    ExitCode::SUCCESS
}

impl Driver {
    async fn start(options: Options, seed: u64, storage: &std::path::Path) -> Self {
        let bao = Bao::raft(storage).await;
        platform::provision(&bao).await;
        platform::create_key(&bao, "acme").await;
        let policies = json!({"policies": ["key-rotator", "version-destroyer"], "ttl": "24h"});
        let rotator = platform::token(&bao, policies).await;
        let policies = json!({"policies": ["every-secret"], "ttl": "24h"});
        let policy = "path \"secret/*\" { capabilities = [\"create\", \"read\", \"update\"] }\n\
            path \"transit/*\" { capabilities = [\"read\", \"update\"] }";
        platform::set_policy(&bao, "every-secret", policy).await;
        let writer = platform::token(&bao, policies).await;
        let writers = Writers::new(Tenant::new(&bao.addr(), &writer));
        let proxy = Proxy::start(bao.authority(), bao.root_token().to_owned()).await;
        let mut choices = StdRng::seed_from_u64(seed);
        let first = choices.random_range(0..Fault::ALL.len() as u64);
        Self { options, choices, first, bao, proxy, writers, rotator }
    }

    /// Runs some rotations with one fault, and checks every secret before and after a restart.
    async fn round(&mut self, round: u64) -> Result<(), Vec<String>> {
        let kinds = Fault::ALL.len() as u64;
        let kind = (round + self.first) % kinds;
        let fault = Fault::ALL[usize::try_from(kind).expect("a small number")];
        // The fault occurs at a request that advances with the rounds, or at a random one.
        let at = if self.choices.random() { round } else { self.choices.random_range(1..60) };
        let least = if matches!(fault, Fault::Conflict | Fault::SilentConflict) { 2 } else { 1 };
        let number = self.choices.random_range(least..=4);
        let destroying: Vec<bool> = (0..number).map(|_| self.choices.random()).collect();
        let start = Instant::now();
        self.proxy.set(Plan { fault, at });
        let writing = self.writers.start();
        let rotations: Vec<Process> =
            destroying.iter().map(|&destroy| self.rotation(destroy)).collect();
        let ended = self.inject_faults(&rotations).await;
        writing.stop().await;
        let mut faults = ended.err().into_iter().collect::<Vec<_>>();
        faults.extend(self.writers.faults().await);
        self.bao.restart().await;
        let later = self.writers.faults().await.into_iter();
        faults.extend(later.map(|fault| format!("after a restart: {fault}")));
        let codes: Vec<_> = rotations
            .iter()
            .map(|rotation| rotation.exit_status().and_then(|status| status.code()))
            .map(|code| code.map_or_else(|| "killed".to_owned(), |code| code.to_string()))
            .collect();
        println!(
            "round {round}: {fault:?} at request {at} of {}, destroying {destroying:?}, exit codes \
             [{}], {:.1?}",
            self.proxy.calls(),
            codes.join(", "),
            start.elapsed()
        );
        if faults.is_empty() {
            return Ok(());
        }
        faults.extend(rotations.iter().map(Process::log));
        Err(faults)
    }

    fn rotation(&self, destroy: bool) -> Process {
        let program = self.options.program.clone().unwrap_or_else(tools::validator);
        let mut command = Command::new(program);
        command
            .args(["tenants", "rotate", "acme", "--output", "json"])
            .env_clear()
            .env("VAULT_ADDR", &self.proxy.address)
            .env("VAULT_TOKEN", &self.rotator)
            .env("VALIDATOR_VAULT_TIMEOUT", humantime::format_duration(TIMEOUT).to_string());
        if destroy {
            command.arg("--destroy-old-versions");
        }
        if destroy && !self.options.unconfirmed {
            command.args(["--confirm", "acme"]);
        }
        Process::spawn("rotate", &mut command)
    }

    /// Causes faults until all rotations have ended.
    async fn inject_faults(&mut self, rotations: &[Process]) -> Result<(), String> {
        let start = Instant::now();
        while rotations.iter().any(|rotation| rotation.exit_status().is_none()) {
            if start.elapsed() > DEADLINE {
                return Err(format!("a rotation took longer than {DEADLINE:?}"));
            }
            let pause = tokio::time::sleep(Duration::from_millis(50));
            let due = tokio::select! {
                due = self.proxy.due.recv() => due,
                () = pause => None,
            };
            match due {
                Some(Fault::Kill) => self.bao.restart().await,
                Some(Fault::Restart) => {
                    self.bao.process().stop_gracefully(Duration::from_secs(30)).await;
                    self.bao.restart().await;
                }
                Some(Fault::KillRotations) => {
                    rotations.iter().for_each(Process::kill);
                    // Ends the lease of the killed rotation, so that the next one does not wait.
                    self.bao.request("DELETE", "secret/data/rotation/acme", None).await;
                }
                _ => {}
            }
        }
        Ok(())
    }
}

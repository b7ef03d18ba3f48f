//! The table of the effects on good clients, and the limits for them.

use std::{fs, process::ExitCode};

use crate::{Times, attacks::Attack, support::direct::Direct, traffic::Phase};

/// The maximum ratio of the 99th percentile of the latency during an attack to that before it.
const SLOWER: f64 = 20.0;

/// The maximum growth of the log, in bytes per minute.
const LOG: f64 = 1_500_000.0;

/// The maximum growth of the memory during and after all attacks, in bytes.
const MEMORY_DURING: u64 = 256 * 1024 * 1024;
const MEMORY_AFTER: u64 = 96 * 1024 * 1024;

/// The outcomes of good requests: to `/validate`, and for a secret.
type Outcomes = (Phase, Phase);

/// Collects rows and exceeded limits.
pub struct Report {
    short: bool,
    excesses: Vec<String>,
}

impl Report {
    pub fn new(short: bool) -> Self {
        println!(
            "{:50} {:>8} {:>8} {:>8}  {:>22}  {:>9} {:>7}",
            "attack", "p99 ms", "during", "after", "refused of good (API)", "log MB/m", "RSS MB"
        );
        Self { short, excesses: Vec::new() }
    }

    /// Adds the row of one attack.
    pub fn add(
        &mut self,
        attack: Attack,
        times: Times,
        [mut before, mut during, mut after]: [Outcomes; 3],
        log: usize,
        memory: u64,
    ) {
        let minutes = times.attack.as_secs_f64() / 60.0;
        let growth = f64::from(u32::try_from(log).unwrap_or(u32::MAX)) / minutes;
        let [p99, p99_during, p99_after] = [&mut before, &mut during, &mut after]
            .map(|(validate, _)| validate.percentile(99).as_secs_f64() * 1e3);
        println!(
            "{:50} {p99:>8.1} {p99_during:>8.1} {p99_after:>8.1}  {:>10} of {:<8}  {:>9.2} {:>7}",
            attack.name(),
            format!("{} ({})", during.0.failed(), during.1.failed()),
            during.0.statuses.values().sum::<usize>(),
            growth / 1e6,
            memory / 1024 / 1024,
        );
        let mut expect = |holds: bool, what: String| {
            if !holds {
                self.excesses.push(format!("{}: {what}", attack.name()));
            }
        };
        for (phase, (validate, api)) in [("during", &during), ("after", &after)] {
            let what = format!("good requests failed {phase} it: {:?}", validate.statuses);
            expect(validate.failed() == 0, what);
            let what = format!("a quiet tenant's reads failed {phase} it: {:?}", api.statuses);
            expect(api.failed() == 0 || !attack.leaves_the_api(), what);
        }
        let slower = p99_during / p99.max(1.0);
        let slow = !self.short && attack.leaves_the_api() && slower > SLOWER;
        expect(!slow, format!("the slowest 1 % took {slower:.0} times as long"));
        expect(growth < LOG, format!("the log grew by {growth:.0} bytes a minute"));
    }

    /// Compares the memory before and after all attacks, in bytes.
    pub fn memory(&mut self, before: u64, after: u64) {
        println!("memory: {} MB before, {} MB after", before / 1024 / 1024, after / 1024 / 1024);
        let limit = if self.short { MEMORY_DURING } else { MEMORY_AFTER };
        if after.saturating_sub(before) > limit {
            self.excesses.push(format!("memory is not given back: {before} bytes, then {after}"));
        }
    }

    /// Records whether the service's role can still be used.
    pub fn role_is_usable(&mut self, usable: bool) {
        if !usable {
            self.excesses.push("the role is locked for everybody".to_owned());
        }
    }

    /// Prints the exceeded limits.
    pub fn print(self) -> ExitCode {
        for excess in &self.excesses {
            println!("FAIL  {excess}");
        }
        if self.excesses.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// Returns the memory of the service, in bytes.
pub fn resident(service: &Direct) -> u64 {
    let pid = service.validator.process().pid();
    let pages = fs::read_to_string(format!("/proc/{pid}/statm")).expect("/proc");
    let pages = pages.split(' ').nth(1).expect("resident pages");
    pages.parse::<u64>().expect("a number") * 4096
}

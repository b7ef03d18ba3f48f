//! The table of the effects on legitimate clients, and the limits for these effects.

use std::{fs, process::ExitCode};

use crate::{Times, attacks::Attack, support::direct::Direct, traffic::Phase};

/// The maximum ratio of the 99th percentile of the latency during an attack to that before it.
const MAX_SLOWDOWN: f64 = 20.0;

/// The maximum growth of the log in a minute, in bytes. A quarter of it may be written at once.
const MAX_LOG_GROWTH: f64 = 1_000_000.0;

/// The maximum growth of the memory during and after all attacks, in bytes.
const MAX_MEMORY_GROWTH_SHORT: u64 = 256 * 1024 * 1024;
const MAX_MEMORY_GROWTH: u64 = 96 * 1024 * 1024;

/// The outcomes of legitimate requests: to `/validate`, and to the secrets API.
type Outcomes = (Phase, Phase);

/// Prints the rows, and collects the exceeded limits.
pub struct Report {
    short: bool,
    violations: Vec<String>,
}

impl Report {
    pub fn new(short: bool) -> Self {
        println!(
            "{:50} {:>8} {:>8} {:>8}  {:>22}  {:>9} {:>7}",
            "attack", "p99 ms", "during", "after", "failed requests (API)", "log kB", "RSS MB"
        );
        Self { short, violations: Vec::new() }
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
        let growth = f64::from(u32::try_from(log).unwrap_or(u32::MAX));
        let [p99, p99_during, p99_after] = [&mut before, &mut during, &mut after]
            .map(|(validate, _)| validate.percentile(99).as_secs_f64() * 1e3);
        println!(
            "{:50} {p99:>8.1} {p99_during:>8.1} {p99_after:>8.1}  {:>10} of {:<8}  {:>9.1} {:>7}",
            attack.name(),
            format!("{} ({})", during.0.failed(), during.1.failed()),
            during.0.statuses.values().sum::<usize>(),
            growth / 1e3,
            memory / 1024 / 1024,
        );
        let mut expect = |holds: bool, what: String| {
            if !holds {
                self.violations.push(format!("{}: {what}", attack.name()));
            }
        };
        for (phase, (validate, api)) in [("during", &during), ("after", &after)] {
            let what = format!("legitimate requests failed {phase} it: {:?}", validate.statuses);
            expect(validate.failed() == 0, what);
            let what = format!("reads of another tenant failed {phase} it: {:?}", api.statuses);
            expect(api.failed() == 0 || !attack.keeps_api_available(), what);
        }
        let slower = p99_during / p99.max(1.0);
        let slow = !self.short && attack.keeps_api_available() && slower > MAX_SLOWDOWN;
        expect(
            !slow,
            format!("the 99th percentile of the latency rose by a factor of {slower:.0}"),
        );
        let limit = MAX_LOG_GROWTH * 0.75_f64.mul_add(minutes, 0.25);
        expect(growth < limit, format!("the log grew by {growth:.0} bytes, more than {limit:.0}"));
    }

    /// Compares the memory before and after all attacks, in bytes.
    pub fn memory(&mut self, before: u64, after: u64) {
        println!("memory: {} MB before, {} MB after", before / 1024 / 1024, after / 1024 / 1024);
        let limit = if self.short { MAX_MEMORY_GROWTH_SHORT } else { MAX_MEMORY_GROWTH };
        if after.saturating_sub(before) > limit {
            self.violations
                .push(format!("memory was not released: {before} bytes before, {after} after"));
        }
    }

    /// Records whether logins to the service's role still succeed.
    pub fn role_is_usable(&mut self, usable: bool) {
        if !usable {
            self.violations.push("logins to the role are locked".to_owned());
        }
    }

    /// Prints the exceeded limits.
    pub fn print(self) -> ExitCode {
        for violation in &self.violations {
            println!("FAIL  {violation}");
        }
        if self.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// Returns the resident memory of the service, in bytes.
pub fn resident(service: &Direct) -> u64 {
    let pid = service.validator.process().pid();
    let pages = fs::read_to_string(format!("/proc/{pid}/statm")).expect("/proc");
    let pages = pages.split(' ').nth(1).expect("resident pages");
    pages.parse::<u64>().expect("a number") * 4096
}

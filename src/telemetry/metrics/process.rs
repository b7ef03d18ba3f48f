//! The metrics of the process, by the names that Prometheus's client libraries have in common
//! (<https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics>).

use std::fs;

use jiff::Timestamp;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{counter::ConstCounter, gauge::ConstGauge},
};
use rustix::{
    param::{clock_ticks_per_second, page_size},
    process::{Resource, getrlimit},
};

/// Reads the state of the process from `/proc`. Elsewhere than on Linux most metrics are absent.
#[derive(Debug)]
pub(super) struct ProcessCollector {
    pub(super) started: Timestamp,
}

/// The values of `/proc/self/stat` that are reported.
struct ProcessStat {
    cpu_seconds: f64,
    threads: u64,
    virtual_bytes: u64,
    resident_bytes: u64,
}

impl ProcessStat {
    /// Reads them by the numbers of the fields in `proc_pid_stat(5)`.
    fn read() -> Option<Self> {
        let text = fs::read_to_string("/proc/self/stat").ok()?;
        // The name of the program, in parentheses, may contain white space.
        let (_, rest) = text.rsplit_once(") ")?;
        let fields: Vec<&str> = rest.split(' ').collect();
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        let ticks = field(14)?.saturating_add(field(15)?);
        let page = u64::try_from(page_size()).ok()?;
        Some(Self {
            cpu_seconds: as_f64(ticks) / as_f64(clock_ticks_per_second()),
            threads: field(20)?,
            virtual_bytes: field(23)?,
            resident_bytes: field(24)?.saturating_mul(page),
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53, which takes 285 years in µs")]
fn as_f64(number: u64) -> f64 {
    number as f64
}

impl Collector for ProcessCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> std::fmt::Result {
        let mut gauge = |name: &str, help: &str, value: f64| {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)
        };
        let started = self.started.as_duration().as_secs_f64();
        gauge("process_start_time_seconds", "Time at which the process started.", started)?;
        if let Ok(files) = fs::read_dir("/proc/self/fd") {
            // One is that of this directory.
            let open = as_f64(u64::try_from(files.count().saturating_sub(1)).unwrap_or(u64::MAX));
            gauge("process_open_fds", "Open file descriptors.", open)?;
        }
        if let Some(limit) = getrlimit(Resource::Nofile).current {
            let help = "Maximum number of open file descriptors.";
            gauge("process_max_fds", help, as_f64(limit))?;
        }
        let Some(stat) = ProcessStat::read() else { return Ok(()) };
        gauge("process_threads", "Threads of the process.", as_f64(stat.threads))?;
        let help = "Virtual memory in bytes.";
        gauge("process_virtual_memory_bytes", help, as_f64(stat.virtual_bytes))?;
        let help = "Resident memory in bytes.";
        gauge("process_resident_memory_bytes", help, as_f64(stat.resident_bytes))?;
        let cpu = ConstCounter::new(stat.cpu_seconds);
        let help = "User and system CPU time in seconds.";
        cpu.encode(encoder.encode_descriptor(
            "process_cpu_seconds",
            help,
            None,
            cpu.metric_type(),
        )?)
    }
}

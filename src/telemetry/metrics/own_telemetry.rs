//! Counters of the lines, spans and exports that are lost. These counters belong to the process: logging starts before
//! anything else, and limits of log lines are statics.

use std::sync::LazyLock;

use super::{labels::Counters, registry::Registries};

static OMITTED_LINES: LazyLock<Counters<1>> = LazyLock::new(Counters::default);
static DECISION_LOG: LazyLock<Counters<1>> = LazyLock::new(Counters::default);
static DROPPED: LazyLock<Counters<1>> = LazyLock::new(Counters::default);

/// A kind of exported telemetry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Spans of traces.
    Spans,
    /// Log records.
    Logs,
    /// Metrics.
    Metrics,
}

impl Signal {
    const ALL: [Self; 3] = [Self::Spans, Self::Logs, Self::Metrics];

    fn label(self) -> [(&'static str, &'static str); 1] {
        let signal = match self {
            Self::Spans => "spans",
            Self::Logs => "logs",
            Self::Metrics => "metrics",
        };
        [("signal", signal)]
    }
}

/// The outcome of a record of the decision log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecisionLogOutcome {
    /// It was written.
    Written,
    /// It was dropped, because the log is too slow or cannot be written.
    Dropped,
}

impl DecisionLogOutcome {
    fn label(self) -> [(&'static str, &'static str); 1] {
        [("outcome", if self == Self::Written { "written" } else { "dropped" })]
    }
}

pub(super) fn register(registries: &mut Registries) {
    for signal in Signal::ALL {
        drop(DROPPED.get_or_create(&signal.label()));
    }
    let help = "Log lines left out by a limit";
    registries.own("log_lines_omitted", help, &*OMITTED_LINES);
    registries.own("decision_log_records", "Records of the decision log", &*DECISION_LOG);
    let help = "Spans, log records and exports of metrics that could not be exported";
    registries.own("telemetry_dropped", help, &*DROPPED);
}

/// Counts lines of a log that its limit left out.
pub fn record_omitted_lines(log: &'static str, lines: u64) {
    OMITTED_LINES.get_or_create(&[("log", log)]).inc_by(lines);
}

/// Counts records of the decision log.
pub fn record_decision_log(outcome: DecisionLogOutcome, records: u64) {
    DECISION_LOG.get_or_create(&outcome.label()).inc_by(records);
}

/// Counts telemetry that could not be exported.
pub fn record_dropped_telemetry(signal: Signal, items: u64) {
    DROPPED.get_or_create(&signal.label()).inc_by(items);
}

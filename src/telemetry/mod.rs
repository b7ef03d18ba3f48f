//! What the service tells its operators: logs, metrics and traces. None of them may hold a token.

mod logs;
mod metrics;
mod traces;

use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::{layer::SubscriberExt, util::SubscriberInitExt};

pub use logs::LogFormat;
pub use metrics::{Metrics, Snapshot};
pub use traces::Traces;

use self::traces::TraceGuard;

/// What is told, and how.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The least important log line that is written.
    pub level: LevelFilter,
    /// How it is written.
    pub format: LogFormat,
    /// Whether requests are traced.
    pub traces: Traces,
}

/// Sends and writes out what is still queued when it is dropped.
pub struct Guard {
    _traces: Option<TraceGuard>,
    _lines: WorkerGuard,
}

/// Starts logging, and tracing if that is wanted. Where the traces should go is not reachable
/// yet does not matter; that they cannot be sent at all is logged, and the service does without.
#[must_use]
pub fn start(settings: Settings) -> Guard {
    let (lines, guard) = logs::lines(settings.level, settings.format);
    let exporter = match settings.traces {
        Traces::Off => None,
        Traces::Otlp => Some(traces::exporter()),
    };
    let (layer, traces, failure) = match exporter {
        None => (None, None, None),
        Some(Ok((layer, traces))) => (Some(layer), Some(traces), None),
        Some(Err(error)) => (None, None, Some(error)),
    };
    // It fails if there is a subscriber already, which then is the one that is wanted.
    let _ = tracing_subscriber::registry().with(layer).with(lines).try_init();
    report_panics();
    if let Some(error) = failure {
        tracing::error!(%error, "requests cannot be traced");
    }
    Guard { _traces: traces, _lines: guard }
}

/// A panic is logged by its place alone: its message could quote anything.
fn report_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "panic");
    }));
}

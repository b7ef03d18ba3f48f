//! Logs, metrics and traces. None of them may contain a token.

mod logs;
mod metrics;
mod traces;

use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::{layer::SubscriberExt, util::SubscriberInitExt};

pub use logs::LogFormat;
pub use metrics::{Metrics, MetricsSnapshot};
pub use traces::TraceExport;

use self::traces::TraceGuard;

/// The settings of logs and traces.
#[derive(Clone, Copy, Debug)]
pub struct TelemetrySettings {
    /// The log level.
    pub level: LevelFilter,
    /// The format of log lines.
    pub format: LogFormat,
    /// The export of traces.
    pub traces: TraceExport,
}

/// Writes the queued log lines and sends the queued traces when it is dropped.
pub struct TelemetryGuard {
    _traces: Option<TraceGuard>,
    _logs: WorkerGuard,
}

/// Starts logging, and tracing if enabled. The collector need not be reachable yet. If the exporter
/// cannot be built, that is logged, and the service runs without traces.
#[must_use]
pub fn start(settings: TelemetrySettings) -> TelemetryGuard {
    let (logs, guard) = logs::log_layer(settings.level, settings.format);
    let exporter = match settings.traces {
        TraceExport::Off => None,
        TraceExport::Otlp => Some(traces::trace_layer()),
    };
    let (layer, traces, failure) = match exporter {
        None => (None, None, None),
        Some(Ok((layer, traces))) => (Some(layer), Some(traces), None),
        Some(Err(error)) => (None, None, Some(error)),
    };
    // Fails if a subscriber is installed already, which takes precedence.
    let _ = tracing_subscriber::registry().with(layer).with(logs).try_init();
    log_panics();
    if let Some(error) = failure {
        tracing::error!(%error, "tracing is disabled: the exporter cannot be built");
    }
    TelemetryGuard { _traces: traces, _logs: guard }
}

/// Logs the location of a panic. Its message is left out, since it may quote anything.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place = location, "panic");
    }));
}

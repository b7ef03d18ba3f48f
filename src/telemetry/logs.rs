use std::io::{IsTerminal, stderr};

use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{
    Layer, filter::Targets, fmt, layer::SubscriberExt, util::SubscriberInitExt,
};

/// How a log line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl LogFormat {
    /// Text on a terminal, JSON elsewhere.
    #[must_use]
    pub fn for_this_place() -> Self {
        if stderr().is_terminal() { Self::Text } else { Self::Json }
    }
}

/// Writes out what is still queued when it is dropped.
pub struct LogGuard {
    _worker: WorkerGuard,
}

/// Starts logging to stderr. A full pipe does not hold requests up: lines are dropped instead.
///
/// Only this crate's own lines go below `warn`: those of the HTTP libraries may show headers, and
/// those of the Vault libraries repeat what is logged here.
#[must_use]
pub fn start_logs(level: LevelFilter, format: LogFormat) -> LogGuard {
    let (writer, worker) = NonBlockingBuilder::default().finish(stderr());
    let filter = Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target(env!("CARGO_CRATE_NAME"), level)
        .with_targets(
            ["rustify", "vaultrs", "hyper", "h2"].map(|library| (library, LevelFilter::OFF)),
        );
    let lines = fmt::layer().with_writer(writer).with_ansi(stderr().is_terminal());
    let lines = match format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().flatten_event(false).boxed(),
    };
    // It fails if there is a subscriber already, whose lines then are the log.
    let _ = tracing_subscriber::registry().with(lines.with_filter(filter)).try_init();
    report_panics();
    LogGuard { _worker: worker }
}

/// A panic is logged by its place alone: its message could quote anything.
fn report_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "panic");
    }));
}

use std::io::{IsTerminal, stderr};

use tracing::{Subscriber, level_filters::LevelFilter};
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{Layer, filter::Targets, fmt, registry::LookupSpan};

/// The format of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Plain text.
    Text,
    /// One JSON object per line.
    Json,
}

impl LogFormat {
    /// Returns text if standard error is a terminal, else JSON.
    #[must_use]
    pub fn auto_detect() -> Self {
        if stderr().is_terminal() { Self::Text } else { Self::Json }
    }
}

/// Returns the layer that logs to standard error, and the guard that writes the queued lines when
/// it is dropped. A full pipe does not block requests: lines are dropped instead.
///
/// Levels below `warn` apply to this crate only: the HTTP libraries may log headers. The Vault and
/// HTTP libraries whose errors are logged here are silenced.
pub(super) fn log_layer<S>(level: LevelFilter, format: LogFormat) -> (impl Layer<S>, WorkerGuard)
where
    S: Subscriber + for<'s> LookupSpan<'s>,
{
    let (writer, guard): (NonBlocking, _) = NonBlockingBuilder::default().finish(stderr());
    let silent = ["rustify", "vaultrs", "hyper", "h2"].map(|library| (library, LevelFilter::OFF));
    let filter = Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target(env!("CARGO_CRATE_NAME"), level)
        .with_targets(silent);
    let layer = fmt::layer().with_writer(writer).with_ansi(stderr().is_terminal());
    let layer = match format {
        LogFormat::Text => layer.boxed(),
        LogFormat::Json => layer.json().boxed(),
    };
    (layer.with_filter(filter), guard)
}

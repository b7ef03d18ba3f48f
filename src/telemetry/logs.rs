use std::io::{IsTerminal, stderr};

use tracing::{Subscriber, level_filters::LevelFilter};
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{Layer, filter::Targets, fmt, registry::LookupSpan};

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

/// Log lines to stderr, and what writes out those that are still queued. A full pipe does not hold
/// requests up: lines are dropped instead.
///
/// Only this crate's own lines go below `warn`: those of the HTTP libraries may show headers, and
/// those of the Vault libraries repeat what is logged here.
pub(super) fn lines<S>(level: LevelFilter, format: LogFormat) -> (impl Layer<S>, WorkerGuard)
where
    S: Subscriber + for<'s> LookupSpan<'s>,
{
    let (writer, guard): (NonBlocking, _) = NonBlockingBuilder::default().finish(stderr());
    let silent = ["rustify", "vaultrs", "hyper", "h2"].map(|library| (library, LevelFilter::OFF));
    let filter = Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target(env!("CARGO_CRATE_NAME"), level)
        .with_targets(silent);
    let lines = fmt::layer().with_writer(writer).with_ansi(stderr().is_terminal());
    let lines = match format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().boxed(),
    };
    (lines.with_filter(filter), guard)
}

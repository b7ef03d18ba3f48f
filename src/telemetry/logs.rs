use std::io::{IsTerminal, stderr};

use tracing::{Subscriber, level_filters::LevelFilter};
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{
    Layer,
    filter::{FilterExt, Targets, filter_fn},
    fmt::{self, MakeWriter},
    registry::LookupSpan,
    reload,
};

use super::text_fields::TextFields;

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

/// Returns the filter of log lines.
///
/// Levels below `warn` apply to this crate only: the HTTP libraries may log headers. The Vault and
/// HTTP libraries whose errors are logged here are silenced, and those that export telemetry.
pub(super) fn log_filter(level: LevelFilter) -> Targets {
    let silent = ["rustify", "vaultrs", "hyper", "h2", "opentelemetry", "reqwest", "tonic"];
    Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target(env!("CARGO_CRATE_NAME"), level)
        .with_targets(silent.map(|library| (library, LevelFilter::OFF)))
}

/// Returns the layer that logs to standard error, and the guard that writes the queued lines when
/// it is dropped. A full pipe does not block requests: lines are dropped instead.
pub(super) fn log_layer<S>(
    filter: reload::Layer<Targets, S>,
    format: LogFormat,
) -> (impl Layer<S>, WorkerGuard)
where
    S: Subscriber + for<'s> LookupSpan<'s>,
{
    let (writer, guard): (NonBlocking, _) = NonBlockingBuilder::default().finish(stderr());
    // Lines have all fields themselves. Those of spans would repeat them without a limit on size.
    let filter = filter.and(filter_fn(|metadata| !metadata.is_span()));
    (format_layer(writer, format).with_filter(filter), guard)
}

/// Returns the layer that formats lines: flat JSON objects, or for people the message and fields with a
/// value, without the module.
fn format_layer<S, W>(writer: W, format: LogFormat) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'s> LookupSpan<'s>,
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let layer = fmt::layer().with_writer(writer).with_ansi(stderr().is_terminal());
    match format {
        LogFormat::Text => layer.fmt_fields(TextFields).with_target(false).boxed(),
        LogFormat::Json => layer.json().flatten_event(true).boxed(),
    }
}

/// Returns what `log` logs in this format.
#[cfg(test)]
pub(crate) fn captured(format: LogFormat, log: impl FnOnce()) -> String {
    use std::{fs::File, os::unix::fs::FileExt, sync::Arc};

    use tracing_subscriber::layer::SubscriberExt;

    let file: Arc<File> = Arc::new(tempfile::tempfile().expect("a file"));
    let layer = format_layer(Arc::clone(&file), format);
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), log);
    let length = file.metadata().expect("metadata").len();
    let mut bytes = vec![0; usize::try_from(length).expect("a length")];
    file.read_exact_at(&mut bytes, 0).expect("the log");
    String::from_utf8(bytes).expect("text")
}

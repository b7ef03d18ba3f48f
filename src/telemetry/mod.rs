//! Logs, metrics, traces and error reports. None of them may contain a token.

mod decision_log;
mod decision_record;
mod error_reports;
mod log_level;
mod log_limit;
mod logs;
mod metrics;
mod otlp;
mod outage;
mod printable;
mod recent;
mod resource;
mod text_fields;
mod traces;

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::{Layer as _, layer::SubscriberExt, util::SubscriberInitExt};

pub use decision_log::{
    DecisionLog, DecisionLogError, DecisionLogMode, DecisionLogSettings, DecisionLogTarget,
    DecisionLogUnavailable, check_file,
};
pub use decision_record::DecisionRecord;
pub use error_reports::{SentryDsn, SentrySettings};
pub use log_level::LogLevel;
pub use log_limit::{LimitedLog, LogLimit, line_size};
pub use logs::LogFormat;
#[cfg(test)]
pub(crate) use logs::captured;
pub use metrics::{
    AddressAvailability, AuditEntryOutcome, AuditFeedState, DecisionLogOutcome, HistogramReading,
    InProgress, KeyRotationOutcome, Limiter, ListenerName, Metrics, MetricsExport, MetricsExporter,
    MetricsFormat, MetricsReading, MetricsSnapshot, PolicyDrift, ReloadOutcome, Sample,
    SecretOperation, SecretOutcome, ServedRequest, ServiceLoginOutcome, Signal, UserLoginOutcome,
    record_decision_log, record_dropped_telemetry, record_omitted_lines,
};
pub use otlp::{OtlpProtocol, SignalExport};
pub use outage::{
    Observer, record_login_failure, record_unavailable, record_vault_failure, record_vault_recovery,
};
pub use printable::printable;
pub use recent::{
    Counts, Histograms, MetricsHistory, MetricsSample, RecentDenial, RecentDenials, RecentMetrics,
    RecentMinute,
};
pub use traces::{
    RequestSpan, RequestTrace, TraceExport, TraceSampler, TracedDecision, TracedRequest,
    TracedResponse, VaultCall, VaultSpan,
};

use self::{
    error_reports::ReportGuard,
    otlp::{ExportError, ExportRuntime, LogGuard, OtlpLogLayer},
    traces::TraceGuard,
};

/// The target of the log event of a panic.
const PANIC_TARGET: &str = concat!(env!("CARGO_CRATE_NAME"), "::panic");

/// The interval at which omitted lines and ended outages are looked for.
const REPORT_INTERVAL: Duration = Duration::from_secs(2);

/// The settings of logs, traces and error reports.
#[derive(Clone, Debug)]
pub struct TelemetrySettings {
    /// The log level.
    pub level: LevelFilter,
    /// The format of log lines.
    pub format: LogFormat,
    /// The export of traces.
    pub traces: TraceExport,
    /// The export of log lines by OTLP; `None` if they go to standard error alone.
    pub log_export: Option<SignalExport>,
    /// The reports to Sentry; `None` for no reports.
    pub sentry: Option<SentrySettings>,
}

/// Writes the queued log lines, and sends what is queued for export, when it is dropped. The fields are in
/// the order in which they have to be dropped.
pub struct TelemetryGuard {
    log_level: LogLevel,
    _exports: Exports,
    _reports: Option<ReportGuard>,
    _logs: WorkerGuard,
}

impl TelemetryGuard {
    /// Returns the means to change the log level.
    #[must_use]
    pub fn log_level(&self) -> LogLevel {
        self.log_level.clone()
    }
}

/// The running exports.
#[derive(Default)]
struct Exports {
    traces: Option<TraceGuard>,
    logs: Option<LogGuard>,
    runtime: Option<ExportRuntime>,
}

/// Starts logging, the exports and the error reports. The OTLP receiver and Sentry need not be reachable yet. If an exporter cannot be
/// built, that is logged, and the service runs without it.
#[must_use]
pub fn start(settings: &TelemetrySettings) -> TelemetryGuard {
    let mut log_level = LogLevel::default();
    let (logs, guard) = logs::log_layer(log_level.new_filter(settings.level), settings.format);
    let mut failures = Vec::new();
    let (exports, log_export) = start_exports(settings, &mut failures);
    let log_export =
        log_export.map(|layer| layer.with_filter(log_level.new_filter(settings.level)));
    let (reports, report_guard) = settings.sentry.as_ref().map(error_reports::report_layer).unzip();
    // Fails if a subscriber is installed already, which takes precedence.
    let _ = tracing_subscriber::registry().with(log_export).with(reports).with(logs).try_init();
    log_panics();
    for error in failures {
        tracing::error!(%error, "an OTLP export is disabled: it cannot be started");
    }
    TelemetryGuard { log_level, _exports: exports, _reports: report_guard, _logs: guard }
}

fn start_exports(
    settings: &TelemetrySettings,
    failures: &mut Vec<ExportError>,
) -> (Exports, Option<OtlpLogLayer>) {
    let mut exports = Exports::default();
    let traces = match settings.traces {
        TraceExport::Off => None,
        TraceExport::Otlp { sampler, export } => Some((sampler, export)),
    };
    let all = [traces.map(|(_, export)| export), settings.log_export];
    if all.into_iter().flatten().any(|export| export.protocol.is_grpc()) {
        exports.runtime = ok_or_record(ExportRuntime::start(), failures);
        if exports.runtime.is_none() {
            return (exports, None);
        }
    }
    let entered = exports.runtime.as_ref().and_then(ExportRuntime::enter);
    let traces = traces.map(|(sampler, export)| traces::start(sampler, export));
    let logs = settings.log_export.map(otlp::log_layer);
    drop(entered);
    exports.traces = traces.and_then(|started| ok_or_record(started, failures));
    let logs = logs.and_then(|started| ok_or_record(started, failures));
    let (layer, guard) = logs.unzip();
    exports.logs = guard;
    (exports, layer)
}

fn ok_or_record<T, E: Into<ExportError>>(
    started: Result<T, E>,
    failures: &mut Vec<ExportError>,
) -> Option<T> {
    started.map_err(|error| failures.push(error.into())).ok()
}

/// Logs the number of omitted lines and the end of outages, without end.
pub async fn run_log_reports() {
    let mut interval = interval(REPORT_INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        report_logs();
    }
}

/// Logs the number of omitted lines and the outages that have ended since the last call.
pub fn report_logs() {
    log_limit::report_omitted_lines();
    outage::report_ended_outages();
}

/// Logs the location of a panic. Its message is left out, since it may quote anything.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string).unwrap_or_default();
        LimitedLog::Panics.log(line_size([&*location]), || {
            tracing::error!(target: PANIC_TARGET, place = location, "panic");
        });
    }));
}

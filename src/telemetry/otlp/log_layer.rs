use std::{fmt, time::SystemTime};

use opentelemetry::{
    logs::{AnyValue, LogRecord as _, Logger as _, Severity},
    trace::{SpanId, TraceId},
};
use opentelemetry_sdk::logs::{SdkLogRecord, SdkLogger};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::layer::{Context, Layer};

use crate::{telemetry::RequestTrace, wall_clock};

/// The fields of log lines that stay on this machine: they identify a person or a token.
const LOCAL_FIELDS: [&str; 2] = ["accessor", "subject"];

/// Exports log lines. The current trace is that of the record; a field `trace_id` stands in for it.
pub(in crate::telemetry) struct OtlpLogLayer(SdkLogger);

impl OtlpLogLayer {
    pub(super) fn new(logger: SdkLogger) -> Self {
        Self(logger)
    }
}

impl<S: Subscriber> Layer<S> for OtlpLogLayer {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut record = self.0.create_log_record();
        record.set_timestamp(SystemTime::from(wall_clock::now()));
        let (severity, text) = severity(*event.metadata().level());
        record.set_severity_number(severity);
        record.set_severity_text(text);
        record.set_target(event.metadata().target());
        event.record(&mut RecordFields(&mut record));
        self.0.emit(record);
    }
}

fn severity(level: Level) -> (Severity, &'static str) {
    match level {
        Level::ERROR => (Severity::Error, "ERROR"),
        Level::WARN => (Severity::Warn, "WARN"),
        Level::INFO => (Severity::Info, "INFO"),
        Level::DEBUG => (Severity::Debug, "DEBUG"),
        Level::TRACE => (Severity::Trace, "TRACE"),
    }
}

/// Copies the fields of a log line to a record.
struct RecordFields<'r>(&'r mut SdkLogRecord);

impl RecordFields<'_> {
    fn add(&mut self, field: &Field, value: AnyValue) {
        match field.name() {
            "message" => self.0.set_body(value),
            "trace_id" => self.set_trace(&value),
            name if LOCAL_FIELDS.contains(&name) => {}
            name => self.0.add_attribute(name, value),
        }
    }

    /// Sets the trace of a line that is logged outside of its request.
    fn set_trace(&mut self, value: &AnyValue) {
        if let AnyValue::String(id) = value
            && let Ok(id) = TraceId::from_hex(id.as_str())
            && RequestTrace::current().is_none()
        {
            self.0.set_trace_context(id, SpanId::INVALID, None);
        }
    }
}

impl Visit for RecordFields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, AnyValue::from(value.to_owned()));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, AnyValue::from(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        match i64::try_from(value) {
            Ok(value) => self.record_i64(field, value),
            Err(_) => self.record_debug(field, &value),
        }
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, AnyValue::from(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, AnyValue::from(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, AnyValue::from(format!("{value:?}")));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use opentelemetry::{InstrumentationScope, logs::LoggerProvider as _, trace::SpanId};
    use opentelemetry_sdk::{
        error::OTelSdkResult,
        logs::{LogProcessor, SdkLogRecord, SdkLoggerProvider},
    };
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::OtlpLogLayer;

    /// Keeps all records.
    #[derive(Clone, Debug, Default)]
    struct Records(Arc<Mutex<Vec<SdkLogRecord>>>);

    impl LogProcessor for Records {
        fn emit(&self, record: &mut SdkLogRecord, _: &InstrumentationScope) {
            self.0.lock().expect("the records").push(record.clone());
        }

        fn force_flush(&self) -> OTelSdkResult {
            Ok(())
        }
    }

    /// Returns the records of what `log` logs.
    fn records(log: impl FnOnce()) -> Vec<SdkLogRecord> {
        let records = Records::default();
        let provider = SdkLoggerProvider::builder().with_log_processor(records.clone()).build();
        let layer = OtlpLogLayer::new(provider.logger("test"));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), log);
        let records = records.0.lock().expect("the records");
        records.clone()
    }

    #[test]
    fn o4_accessor_and_subject_stay_here() {
        let logged = records(|| {
            let (accessor, subject, tenant) = ("canary-accessor", "canary-subject", Some("acme"));
            tracing::info!(code = "acl_denied", accessor, subject, tenant, uses = 3_u64, "refused");
            tracing::info!(accessor = %accessor, subject = ?subject, "refused");
        });
        assert_eq!(logged.len(), 2);
        assert!(!format!("{logged:?}").contains("canary"), "{logged:?}");
        let attributes: Vec<_> =
            logged[0].attributes_iter().map(|(key, value)| format!("{key}={value:?}")).collect();
        let expected =
            ["code=String(Owned(\"acl_denied\"))", "tenant=String(Owned(\"acme\"))", "uses=Int(3)"];
        assert_eq!(attributes, expected);
    }

    #[test]
    fn trace_id_is_in_the_record_itself() {
        let trace_id = "0af7651916cd43dd8448eb211c80319c";
        for logged in [
            records(|| tracing::info!(trace_id, "refused")),
            records(|| tracing::info!(trace_id = %trace_id, "refused")),
        ] {
            let trace = logged[0].trace_context().expect("a trace");
            assert_eq!(
                (trace.trace_id.to_string(), trace.span_id),
                (trace_id.into(), SpanId::INVALID)
            );
            assert_eq!(logged[0].attributes_iter().count(), 0);
        }
        let junk = records(|| tracing::info!(trace_id = "junk", "refused"));
        assert!(junk[0].trace_context().is_none());
    }
}

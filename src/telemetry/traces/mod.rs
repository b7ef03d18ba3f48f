//! Traces of requests.
//!
//! The decision to sample a request is made once, before its span: the spans that OpenTelemetry's SDK
//! gets are all recorded.

mod request_span;
mod root_ids;
mod sampler;
mod vault_span;

use std::{sync::LazyLock, time::Duration};

use opentelemetry::global::{self, BoxedTracer};
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};

use self::root_ids::RootIds;
pub use self::{
    request_span::{RequestSpan, RequestTrace, TracedDecision, TracedRequest, TracedResponse},
    sampler::TraceSampler,
    vault_span::{VaultCall, VaultSpan},
};
use super::{
    otlp::{self, ExportError, SignalExport},
    resource::resource,
};

/// The time that the queued spans may take to be sent when the service stops.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);

/// The export of traces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TraceExport {
    /// No traces; no span is created.
    Off,
    /// Export by OTLP. OpenTelemetry's standard variables apply.
    Otlp {
        /// The sampler of requests.
        sampler: TraceSampler,
        /// The protocol and the queue.
        export: SignalExport,
    },
}

/// Sends the queued traces when it is dropped.
pub(super) struct TraceGuard(SdkTracerProvider);

impl Drop for TraceGuard {
    fn drop(&mut self) {
        if let Err(error) = self.0.shutdown_with_timeout(SHUTDOWN_TIMEOUT) {
            tracing::warn!(%error, "some traces could not be sent");
        }
    }
}

/// Starts the export of spans. Returns the guard that sends the queued ones when it is dropped.
///
/// # Errors
/// The exporter cannot be built from the standard variables.
pub(super) fn start(
    sampler: TraceSampler,
    export: SignalExport,
) -> Result<TraceGuard, ExportError> {
    let provider = SdkTracerProvider::builder()
        .with_resource(resource())
        .with_sampler(Sampler::AlwaysOn)
        .with_id_generator(RootIds::new(sampler))
        .with_span_processor(otlp::span_processor(export)?)
        .build();
    global::set_tracer_provider(provider.clone());
    Ok(TraceGuard(provider))
}

/// Returns the tracer of all spans. The first call has to be after [`start`].
fn tracer() -> &'static BoxedTracer {
    static TRACER: LazyLock<BoxedTracer> = LazyLock::new(|| global::tracer(env!("CARGO_PKG_NAME")));
    &TRACER
}

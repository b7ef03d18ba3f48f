use http::HeaderMap;
use opentelemetry::{Context, global, propagation::Extractor, trace::TracerProvider};
use opentelemetry_otlp::{ExporterBuildError, SpanExporter};
use opentelemetry_sdk::{
    Resource,
    propagation::TraceContextPropagator,
    trace::{SdkTracer, SdkTracerProvider},
};
use tracing::{Span, level_filters::LevelFilter};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::{Layer, filter::Targets, registry::LookupSpan};

/// The export of traces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TraceExport {
    /// No traces; no span is created.
    Off,
    /// Export to `OTEL_EXPORTER_OTLP_ENDPOINT` by OTLP over HTTP. OpenTelemetry's other standard
    /// variables apply, such as those of the sampler.
    Otlp,
}

/// Sends the queued traces when it is dropped.
pub(super) struct TraceGuard(SdkTracerProvider);

impl Drop for TraceGuard {
    fn drop(&mut self) {
        if let Err(error) = self.0.shutdown() {
            tracing::warn!(%error, "some traces could not be sent");
        }
    }
}

/// Returns the layer that exports this crate's spans, and the guard that sends the queued ones when
/// it is dropped.
///
/// # Errors
/// The exporter cannot be built from the standard variables.
pub(super) fn trace_layer<S>() -> Result<(impl Layer<S>, TraceGuard), ExporterBuildError>
where
    S: tracing::Subscriber + for<'s> LookupSpan<'s>,
{
    let resource = Resource::builder()
        .with_attribute(opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
    #[expect(clippy::disallowed_methods, reason = "a standard variable that the SDK reads, too")]
    let resource = match std::env::var_os("OTEL_SERVICE_NAME") {
        Some(_) => resource,
        None => resource.with_service_name(env!("CARGO_PKG_NAME")),
    };
    let exporter = SpanExporter::builder().with_http().build()?;
    let provider = SdkTracerProvider::builder()
        .with_resource(resource.build())
        .with_batch_exporter(exporter)
        .build();
    global::set_text_map_propagator(TraceContextPropagator::new());
    let tracer: SdkTracer = provider.tracer(env!("CARGO_PKG_NAME"));
    let spans = Targets::new().with_target(env!("CARGO_CRATE_NAME"), LevelFilter::INFO);
    let layer = tracing_opentelemetry::layer().with_tracer(tracer).with_filter(spans);
    Ok((layer, TraceGuard(provider)))
}

impl TraceExport {
    /// Returns the span of a request with these headers, as a child of the proxy's span. Creates
    /// none if traces are off.
    #[must_use]
    pub fn request_span(self, headers: &HeaderMap, span: impl FnOnce() -> Span) -> Span {
        match self {
            Self::Off => Span::none(),
            Self::Otlp => {
                let span = span();
                let parent = global::get_text_map_propagator(|propagator| {
                    propagator.extract_with_context(&Context::new(), &HeaderExtractor(headers))
                });
                // Fails only after the span was entered.
                let _ = span.set_parent(parent);
                span
            }
        }
    }
}

/// Reads the trace context from request headers.
struct HeaderExtractor<'h>(&'h HeaderMap);

impl Extractor for HeaderExtractor<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(http::HeaderName::as_str).collect()
    }
}

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

/// Whether requests are traced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traces {
    /// They are not, and no span is made.
    Off,
    /// They are, and go where `OTEL_EXPORTER_OTLP_ENDPOINT` says, by OTLP over HTTP. The other
    /// standard variables hold, the sampler's among them.
    Otlp,
}

/// Sends what is still queued when the program ends.
pub(super) struct TraceGuard(SdkTracerProvider);

impl Drop for TraceGuard {
    fn drop(&mut self) {
        if let Err(error) = self.0.shutdown() {
            tracing::warn!(%error, "some traces were not sent");
        }
    }
}

/// What turns this crate's spans into traces, and what flushes them.
pub(super) fn exporter<S>() -> Result<(impl Layer<S>, TraceGuard), ExporterBuildError>
where
    S: tracing::Subscriber + for<'s> LookupSpan<'s>,
{
    let resource = Resource::builder()
        .with_attribute(opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
    #[expect(clippy::disallowed_methods, reason = "a standard variable that the SDK reads too")]
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

impl Traces {
    /// This span, made for a request with these headers, under the trace that the proxy began.
    #[must_use]
    pub fn span(self, headers: &HeaderMap, span: impl FnOnce() -> Span) -> Span {
        match self {
            Self::Off => Span::none(),
            Self::Otlp => {
                let span = span();
                let parent = global::get_text_map_propagator(|propagator| {
                    propagator.extract_with_context(&Context::new(), &Headers(headers))
                });
                // It fails if the span has begun, which it has not.
                let _ = span.set_parent(parent);
                span
            }
        }
    }
}

struct Headers<'h>(&'h HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(http::HeaderName::as_str).collect()
    }
}

use opentelemetry::{
    Context, KeyValue,
    global::BoxedSpan,
    trace::{Span as _, SpanKind, Status, TraceContextExt as _, Tracer as _},
};

use super::tracer;

/// A call to Vault, for its span. Its path is not part of it: paths have names of secrets.
#[derive(Clone, Copy, Debug)]
pub struct VaultCall<'c> {
    /// The label of the operation.
    pub operation: &'static str,
    /// The method of the request.
    pub method: &'static str,
    /// Vault's host name or address, and its port; `None` if that is chosen later.
    pub server: Option<(&'c str, u16)>,
}

/// The span of a call to Vault. It has no data outside of a sampled request.
pub struct VaultSpan(Option<BoxedSpan>);

impl VaultSpan {
    /// Starts the span of a call, as a child of the current one if that is recorded.
    #[must_use]
    pub fn start(call: VaultCall<'_>) -> Self {
        let is_recording = Context::map_current(|context| {
            context.has_active_span() && context.span().is_recording()
        });
        Self(is_recording.then(|| start_span(call)))
    }

    /// Records the server that responded: its host name or address, and its port.
    pub fn record_server(&mut self, host: &str, port: u16) {
        if let Some(span) = &mut self.0 {
            span.set_attributes(server_attributes(host, port));
        }
    }

    /// Records the status of the response, and the id that Vault gave the request. The id is also in
    /// Vault's audit log. Reading it may take time, so it is done only for a recorded span.
    pub fn record_response(&mut self, status: u16, request_id: impl FnOnce() -> Option<String>) {
        let Some(span) = &mut self.0 else { return };
        span.set_attribute(KeyValue::new("http.response.status_code", i64::from(status)));
        if let Some(id) = request_id() {
            span.set_attribute(KeyValue::new("vault.request_id", id));
        }
    }

    /// Ends the span. The outcome is `ok`, or the kind of the failure.
    pub fn end(self, outcome: &'static str) {
        let Some(mut span) = self.0 else { return };
        span.set_attribute(KeyValue::new("vault_auth.vault.outcome", outcome));
        if outcome != "ok" {
            span.set_attribute(KeyValue::new("error.type", outcome));
            span.set_status(Status::error(""));
        }
        span.end();
    }
}

fn start_span(call: VaultCall<'_>) -> BoxedSpan {
    let mut attributes = vec![
        KeyValue::new("vault_auth.vault.operation", call.operation),
        KeyValue::new("http.request.method", call.method),
    ];
    attributes
        .extend(call.server.into_iter().flat_map(|(host, port)| server_attributes(host, port)));
    let tracer = tracer();
    let builder = tracer
        .span_builder(format!("vault {}", call.operation))
        .with_kind(SpanKind::Client)
        .with_attributes(attributes);
    tracer.build_with_context(builder, &Context::current())
}

fn server_attributes(host: &str, port: u16) -> [KeyValue; 2] {
    [
        KeyValue::new("server.address", host.to_owned()),
        KeyValue::new("server.port", i64::from(port)),
    ]
}

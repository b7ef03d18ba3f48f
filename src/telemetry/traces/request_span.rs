use std::{
    fmt,
    time::{Duration, Instant, SystemTime},
};

use http::StatusCode;
use opentelemetry::{
    Context, KeyValue,
    trace::{
        FutureExt as _, SpanContext, SpanId, SpanKind, Status, TraceContextExt as _, TraceFlags,
        TraceId, TraceState, Tracer as _,
    },
};

use super::{TraceExport, tracer};
use crate::{
    auth::{Decision, Refusal},
    forwarded::{ForwardedRequest, Peer, TraceParent},
    token::CacheStatus,
    wall_clock,
};

/// The trace that a request is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestTrace {
    trace_id: TraceId,
    is_sampled: bool,
}

impl RequestTrace {
    /// Returns the trace of the request that the current task works on: the proxy's, whether it is
    /// sampled or not, or a sampled one that began here.
    #[must_use]
    pub fn current() -> Option<Self> {
        Context::map_current(Self::of)
    }

    fn of(context: &Context) -> Option<Self> {
        let span = context.has_active_span().then(|| context.span().span_context().clone())?;
        Some(Self { trace_id: span.trace_id(), is_sampled: span.is_sampled() })
    }

    /// Returns true if the trace is recorded, so that a reader can find it by its id.
    #[must_use]
    pub fn is_sampled(self) -> bool {
        self.is_sampled
    }
}

impl fmt::Display for RequestTrace {
    /// Writes the id of the trace, in 32 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.trace_id.fmt(f)
    }
}

/// A request to a listener, for its span.
#[derive(Clone, Copy)]
pub struct TracedRequest<'r> {
    /// The method.
    pub method: &'r str,
    /// The template of the path; `None` if the path is unknown.
    pub route: Option<&'r str>,
    /// The headers, and the trust in their sender.
    pub forwarded: ForwardedRequest<'r>,
}

/// The response to a request, for its span.
#[derive(Clone, Copy, Debug)]
pub struct TracedResponse {
    /// The status.
    pub status: StatusCode,
    /// The code of the problem, if there is one.
    pub code: Option<&'static str>,
}

/// The decision on a request to `/validate`, for its span.
#[derive(Clone, Copy, Debug)]
pub struct TracedDecision {
    result: &'static str,
    reason: &'static str,
    cache: &'static str,
}

impl TracedDecision {
    /// The decision to allow a request from the cache alone.
    const CACHED: Self = Self { result: "allow", reason: "ok", cache: "hit" };

    /// Returns what a span has of a decision, with the labels of the metrics.
    #[must_use]
    pub fn new(decision: &Decision) -> Self {
        let terms = decision.outcome.as_ref().err().map(Refusal::problem_spec);
        Self {
            result: terms.as_ref().map_or("allow", |terms| terms.severity.result_label()),
            reason: terms.as_ref().map_or("ok", |terms| terms.code),
            cache: decision.cache_status.map_or("none", CacheStatus::as_str),
        }
    }
}

/// The span of a request. It has no data if the request is not sampled.
pub struct RequestSpan(Option<Context>);

impl TraceExport {
    /// Starts the span of a request if it is sampled.
    #[must_use]
    pub fn start(self, request: &TracedRequest<'_>) -> RequestSpan {
        let parent = request.forwarded.trace_parent();
        if self.is_sampled(parent) {
            RequestSpan(Some(start_span(request, parent, Duration::ZERO)))
        } else {
            // Only its id is of use: in log lines.
            let parent = parent.map(|parent| remote_context(&request.forwarded, parent));
            RequestSpan(parent)
        }
    }

    /// Records the span of an allowed request that was answered from the cache, if it is sampled. The
    /// request was read at `received`.
    pub fn record_cached(self, request: &TracedRequest<'_>, received: Instant) {
        if self == Self::Off {
            return;
        }
        let parent = request.forwarded.trace_parent();
        if self.is_sampled(parent) {
            record_cached(request, parent, received);
        }
    }

    fn is_sampled(self, parent: Option<TraceParent<'_>>) -> bool {
        match self {
            Self::Off => false,
            Self::Otlp { sampler, .. } => sampler.is_sampled(parent),
        }
    }
}

#[cold]
fn record_cached(request: &TracedRequest<'_>, parent: Option<TraceParent<'_>>, received: Instant) {
    let context = start_span(request, parent, received.elapsed());
    RequestSpan(Some(context)).end_decided(StatusCode::OK, TracedDecision::CACHED);
}

impl RequestSpan {
    /// Runs a future with this span as the current one: calls to Vault become its children.
    pub async fn run<F: Future>(&self, future: F) -> F::Output {
        match &self.0 {
            Some(context) => future.with_context(context.clone()).await,
            None => future.await,
        }
    }

    /// Calls a function with this span as the current one.
    pub fn in_scope<T>(&self, function: impl FnOnce() -> T) -> T {
        let _attached = self.0.clone().map(Context::attach);
        function()
    }

    /// Ends the span of a request.
    pub fn end(self, response: TracedResponse) {
        if let Some(context) = self.0 {
            end_span(&context, response);
        }
    }

    /// Ends the span of a request to `/validate`, whose response has this status.
    pub fn end_decided(self, status: StatusCode, decision: TracedDecision) {
        if let Some(context) = self.0 {
            let span = context.span();
            span.set_attribute(KeyValue::new("vault_auth.result", decision.result));
            span.set_attribute(KeyValue::new("vault_auth.reason", decision.reason));
            span.set_attribute(KeyValue::new("vault_auth.cache", decision.cache));
            end_span(&context, TracedResponse { status, code: Some(decision.reason) });
        }
    }
}

/// Ends a span; a remote one has no data and ignores it.
fn end_span(context: &Context, response: TracedResponse) {
    let span = context.span();
    let status = i64::from(response.status.as_u16());
    span.set_attribute(KeyValue::new("http.response.status_code", status));
    if response.status.is_server_error() {
        span.set_attribute(KeyValue::new("error.type", response.code.unwrap_or("_OTHER")));
        span.set_status(Status::error(""));
    }
    span.end();
}

/// Returns a context with a new span that began `elapsed` ago.
fn start_span(
    request: &TracedRequest<'_>,
    parent: Option<TraceParent<'_>>,
    elapsed: Duration,
) -> Context {
    let parent = match parent {
        Some(parent) => remote_context(&request.forwarded, parent),
        None => Context::new(),
    };
    let method = known_method(request.method);
    // A method that is not known is not repeated in the name (semantic conventions, "HTTP spans").
    let name_method = if method == OTHER_METHOD { "HTTP" } else { method };
    let name = match request.route {
        Some(route) => format!("{name_method} {route}"),
        None => name_method.to_owned(),
    };
    let tracer = tracer();
    let builder = tracer
        .span_builder(name)
        .with_kind(SpanKind::Server)
        .with_start_time(SystemTime::from(wall_clock::now()) - elapsed)
        .with_attributes(attributes(request, method));
    let span = tracer.build_with_context(builder, &parent);
    parent.with_span(span)
}

fn attributes(request: &TracedRequest<'_>, method: &'static str) -> Vec<KeyValue> {
    let forwarded = &request.forwarded;
    let mut all = Vec::with_capacity(12);
    all.push(KeyValue::new("http.request.method", method));
    all.push(KeyValue::new("url.scheme", "http"));
    if let Some(route) = request.route {
        all.push(KeyValue::new("http.route", route.to_owned()));
    }
    if let Peer::Address(peer) = forwarded.peer() {
        all.push(KeyValue::new("network.peer.address", peer.to_canonical().to_string()));
    }
    if let Ok(client) = forwarded.client_address() {
        all.push(KeyValue::new("client.address", client.to_string()));
    }
    if let Ok(host) = forwarded.authority() {
        all.push(KeyValue::new("vault_auth.forwarded.host", shortened(&host)));
    }
    if let Ok(path) = forwarded.target().and_then(|target| target.path()) {
        all.push(KeyValue::new("vault_auth.forwarded.path", shortened(path)));
    }
    all
}

/// Returns the start of an ASCII text.
fn shortened(text: &str) -> String {
    text.chars().take(MAX_VALUE).collect()
}

/// Returns a context with the sender's span as the parent.
fn remote_context(forwarded: &ForwardedRequest<'_>, parent: TraceParent<'_>) -> Context {
    // A malformed list is ignored, and the trace is continued (W3C Trace Context, 3.3.1.3).
    let state = Some(forwarded.trace_state()).filter(|state| state.len() <= MAX_TRACE_STATE);
    let state: TraceState = state.and_then(|state| state.parse().ok()).unwrap_or_default();
    let flags = if parent.is_sampled() { TraceFlags::SAMPLED } else { TraceFlags::default() };
    let (trace_id, span_id) = (TraceId::from(parent.trace_id()), SpanId::from(parent.parent_id()));
    let sender = SpanContext::new(trace_id, span_id, flags, true, state);
    Context::new().with_remote_span_context(sender)
}

/// The maximum length of a value that a client sends, in characters: spans wait in memory.
const MAX_VALUE: usize = 1024;

/// The maximum length of a `tracestate` that is passed on, in bytes: the one that has to be supported
/// (W3C Trace Context, 3.3.1.5).
const MAX_TRACE_STATE: usize = 512;

const OTHER_METHOD: &str = "_OTHER";

/// The methods that are known to the semantic conventions of HTTP.
const METHODS: [&str; 9] =
    ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];

fn known_method(method: &str) -> &'static str {
    METHODS.into_iter().find(|known| *known == method).unwrap_or(OTHER_METHOD)
}

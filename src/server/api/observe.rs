use std::sync::Arc;

use axum::{
    body::Body,
    extract::{MatchedPath, Request, State},
    middleware::Next,
};
use http::{
    HeaderName, HeaderValue, Response,
    header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, X_CONTENT_TYPE_OPTIONS},
};
use tracing::{Instrument, field::Empty, info_span};

use crate::server::{
    api::{error::ApiError, lingering_body, state::ApiState},
    request_id::RequestId,
};

/// Default response headers: `no-store`, `nosniff` and a policy that denies all content.
const DEFAULT_HEADERS: [(HeaderName, HeaderValue); 3] = [
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    ),
];

/// Counts and traces every request, turns errors into problem details and a log line, and adds the
/// default headers.
pub(super) async fn observe(
    State(api): State<Arc<ApiState>>,
    path: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response<Body> {
    let id = RequestId::of(request.headers());
    let route = path.as_ref().map_or("none", MatchedPath::as_str);
    let span = api.traces.request_span(request.headers(), || {
        info_span!("api", otel.kind = "server", route, code = Empty)
    });
    let mut response = next.run(lingering_body::linger(request)).instrument(span.clone()).await;
    if let Some(error) = response.extensions_mut().remove::<ApiError>() {
        span.record("code", error.terms().code);
        response = span.in_scope(|| error.log_and_respond(&id));
    }
    api.metrics.record_api_request(route, response.status());
    for (name, value) in DEFAULT_HEADERS {
        response.headers_mut().entry(name).or_insert(value);
    }
    response
}

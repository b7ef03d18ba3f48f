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
    api::{Api, error::ApiError, lingering},
    request_id::RequestId,
};

/// What every answer says unless it says something of its own: that nobody is to keep it, to guess
/// what it is, or to run anything in it.
const SAID_BY_ALL: [(HeaderName, HeaderValue); 3] = [
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    ),
];

/// Sees to what each request of the API has in common: an error becomes a problem document and a
/// line in the log, and the request is counted and traced.
pub(super) async fn attend(
    State(api): State<Arc<Api>>,
    path: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response<Body> {
    let id = RequestId::of(request.headers());
    let route = path.as_ref().map_or("none", MatchedPath::as_str);
    let span = api
        .traces
        .span(request.headers(), || info_span!("api", otel.kind = "server", route, code = Empty));
    let mut response = next.run(lingering::request(request)).instrument(span.clone()).await;
    if let Some(error) = response.extensions_mut().remove::<ApiError>() {
        span.record("code", error.terms().code);
        response = span.in_scope(|| error.answer(&id));
    }
    api.metrics.api_request(route, response.status());
    for (name, value) in SAID_BY_ALL {
        response.headers_mut().entry(name).or_insert(value);
    }
    response
}

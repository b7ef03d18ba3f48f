use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Extension, MatchedPath, Request, State},
    middleware::Next,
};
use http::{
    HeaderName, HeaderValue, Method, Response,
    header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, X_CONTENT_TYPE_OPTIONS},
};

use crate::{
    auth::Refusal,
    forwarded::{ForwardedRequest, Peer},
    server::{
        api::{
            error::ApiError, lingering_body, logged_request::LoggedRequest, paths, state::ApiState,
            versions::SecretEndpoint,
        },
        request_id::RequestId,
    },
    telemetry::{Limiter, SecretOperation, TracedRequest, TracedResponse},
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

/// Traces every request, turns errors into problem details and a log line, and adds the
/// default headers.
pub(super) async fn observe(
    State(api): State<Arc<ApiState>>,
    Extension(peer): Extension<Peer>,
    path: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response<Body> {
    let id = RequestId::of(request.headers());
    let route = path.as_ref().map(MatchedPath::as_str);
    let operation = secret_operation(route.unwrap_or_default(), &request);
    let span = api.traces.start(&TracedRequest {
        method: request.method().as_str(),
        route,
        forwarded: ForwardedRequest::new(request.headers().into(), peer, &api.trust),
    });
    let described = LoggedRequest::new(&request, route, &api.trust);
    let handler = span.run(next.run(lingering_body::linger(request)));
    let mut response = described.handle(handler).await;
    let error = response.extensions_mut().remove::<ApiError>();
    if let Some(error) = &error {
        if matches!(error, ApiError::Refused(Refusal::TooManyFailures)) {
            api.metrics.record_limited(Limiter::Validate);
        }
        span.in_scope(|| described.log(error, &id));
        response = error.response(&id);
    }
    let code = error.map(|error| error.terms().code);
    span.end(TracedResponse { status: response.status(), code });
    if let Some(operation) = operation {
        api.metrics.record_secret_operation(operation, response.status().into());
    }
    for (name, value) in DEFAULT_HEADERS {
        response.headers_mut().entry(name).or_insert(value);
    }
    response
}

/// Returns the operation on secrets that a request is for; `None` for one that is no such operation.
fn secret_operation(route: &str, request: &Request) -> Option<SecretOperation> {
    let method = request.method();
    match (route, SecretEndpoint::from_path(request.uri().path())) {
        (paths::SECRETS, _) => (method == Method::GET).then_some(SecretOperation::List),
        (paths::SECRET, SecretEndpoint::Secret) => match *method {
            Method::GET => Some(SecretOperation::Read),
            Method::PUT => Some(SecretOperation::Write),
            Method::PATCH => Some(SecretOperation::Patch),
            Method::DELETE => Some(SecretOperation::Delete),
            _ => None,
        },
        (paths::SECRET, SecretEndpoint::Versions) => {
            (method == Method::GET).then_some(SecretOperation::Versions)
        }
        (paths::SECRET, SecretEndpoint::Undelete) => {
            (method == Method::POST).then_some(SecretOperation::Undelete)
        }
        _ => None,
    }
}

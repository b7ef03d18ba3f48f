//! Layers and fallbacks of the listeners that axum serves.

use std::{any::Any, sync::Arc, time::Instant};

use axum::{
    Router,
    body::Body,
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, Response},
    middleware::{Next, from_fn, from_fn_with_state},
};
use tower_http::catch_panic::CatchPanicLayer;

use crate::{
    auth::Refusal,
    server::{problem, request_id::RequestId, target},
    telemetry::{ListenerName, Metrics, ServedRequest},
};

/// Adds problem details for unknown paths and unsupported methods.
pub(super) fn with_fallbacks<S: Clone + Send + Sync + 'static>(router: Router<S>) -> Router<S> {
    router
        .fallback(async |headers: HeaderMap| problem::not_found(&headers).map(Body::from))
        .method_not_allowed_fallback(method_not_allowed)
}

/// Responds with 405 to a method that a path does not support.
pub(super) async fn method_not_allowed(headers: HeaderMap) -> Response<Body> {
    problem::method_not_allowed(&headers, None).map(Body::from)
}

/// Rejects request targets that are not in origin form, turns panics into 500s, and measures requests.
pub(super) fn with_common_layers(
    router: Router,
    listener: ListenerName,
    metrics: Arc<Metrics>,
) -> Router {
    let panics = Arc::clone(&metrics);
    let panic_response = move |_: Box<dyn Any + Send>| {
        panics.record_panic();
        let (terms, id) = (Refusal::Internal.problem_spec(), RequestId::of(&HeaderMap::new()));
        problem::problem_response(&terms, None, &id).map(Body::from)
    };
    router
        .layer(from_fn(require_origin_form))
        .layer(CatchPanicLayer::custom(panic_response))
        .layer(from_fn_with_state((listener, metrics), measure))
}

/// Measures a request until the head of its response.
async fn measure(
    State((listener, metrics)): State<(ListenerName, Arc<Metrics>)>,
    path: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response<Body> {
    let start = Instant::now();
    let in_flight = metrics.begin_request(listener);
    let method = request.method().clone();
    let response = next.run(request).await;
    drop(in_flight);
    metrics.record_response(&ServedRequest {
        listener,
        method: &method,
        route: path.as_ref().map(MatchedPath::as_str),
        status: response.status(),
        duration: start.elapsed(),
    });
    response
}

async fn require_origin_form(request: Request, next: Next) -> Response<Body> {
    if target::has_origin_form(&request) {
        return next.run(request).await;
    }
    problem::request_invalid(target::REASON, request.headers()).map(Body::from)
}

//! What holds for every route of the listeners that axum serves.

use std::{any::Any, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{HeaderMap, Response},
    middleware::{Next, from_fn},
};
use tower_http::catch_panic::CatchPanicLayer;

use crate::{
    decision::Refusal,
    server::{problem, request_id::RequestId, target},
    telemetry::Metrics,
};

/// These routes with answers to whatever they do not cover.
pub(super) fn complete<S: Clone + Send + Sync + 'static>(router: Router<S>) -> Router<S> {
    router
        .fallback(async |headers: HeaderMap| problem::not_found(&headers).map(Body::from))
        .method_not_allowed_fallback(method_not_allowed)
}

/// Refuses a method that a path does not take.
pub(super) async fn method_not_allowed(headers: HeaderMap) -> Response<Body> {
    problem::method_not_allowed(&headers, None).map(Body::from)
}

/// These routes for paths alone, with a refusal where they break.
pub(super) fn guard(router: Router, metrics: Arc<Metrics>) -> Router {
    let broken = move |_: Box<dyn Any + Send>| {
        metrics.panicked();
        refusal(&Refusal::Internal, &HeaderMap::new())
    };
    router.layer(from_fn(origin_form_only)).layer(CatchPanicLayer::custom(broken))
}

async fn origin_form_only(request: Request, next: Next) -> Response<Body> {
    if target::came_in_origin_form(&request) {
        return next.run(request).await;
    }
    problem::request_invalid(target::REASON, request.headers()).map(Body::from)
}

fn refusal(refusal: &Refusal, headers: &HeaderMap) -> Response<Body> {
    problem::refusal(&refusal.terms(), None, &RequestId::of(headers)).map(Body::from)
}

//! The operators' listener: health, metrics, and the cache.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::{delete, get, post},
};
use serde_json::json;
use tower_http::limit::RequestBodyLimitLayer;

use crate::{
    server::{
        audit::{Consequence, consequences},
        outer::complete,
        problem,
        readiness::Readiness,
    },
    telemetry::{Metrics, Snapshot},
    token::FactsCache,
};

/// What the operators' endpoints read.
pub(super) struct Admin {
    pub(super) readiness: Readiness,
    pub(super) metrics: Arc<Metrics>,
    pub(super) cache: Arc<FactsCache>,
}

/// The largest body of a request, in bytes.
const MAX_BODY: usize = 1024 * 1024;

/// The content type of the `OpenMetrics` text format, version 1.0.0.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(super) fn router(admin: Admin) -> Router {
    let routes = Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/cache", get(cache).delete(clear_cache))
        .route("/cache/accessors/{accessor}", delete(evict_accessor))
        .route("/cache/entities/{entity_id}", delete(evict_entity))
        .route("/audit", post(audit));
    complete(routes).layer(RequestBodyLimitLayer::new(MAX_BODY)).with_state(Arc::new(admin))
}

/// Whether tokens can be validated, and if not, why.
async fn readyz(State(admin): State<Arc<Admin>>) -> Response {
    match admin.readiness.state() {
        Ok(()) => Json(json!({ "ready": true })).into_response(),
        Err(reason) => {
            let mut body = json!({ "ready": false, "reason": reason });
            if let Some(detail) = admin.readiness.detail(reason) {
                body["detail"] = json!(*detail);
            }
            (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response()
        }
    }
}

async fn metrics(State(admin): State<Arc<Admin>>) -> impl IntoResponse {
    let snapshot =
        Snapshot { ready: admin.readiness.state().is_ok(), cached: admin.cache.sizes().await };
    ([(CONTENT_TYPE, OPENMETRICS)], admin.metrics.render(snapshot))
}

/// How much is remembered.
async fn cache(State(admin): State<Arc<Admin>>) -> impl IntoResponse {
    let (live, refused) = admin.cache.sizes().await;
    Json(json!({ "live": live, "refused": refused }))
}

/// Forgets everything.
async fn clear_cache(State(admin): State<Arc<Admin>>) -> StatusCode {
    admin.cache.clear();
    StatusCode::NO_CONTENT
}

/// Forgets whom entries of Vault's audit log are about: the other end of OpenBao's `http` device.
async fn audit(State(admin): State<Arc<Admin>>, headers: HeaderMap, entries: Bytes) -> Response {
    let Ok(consequences) = consequences(&entries) else {
        let what = "the body is no series of audit entries";
        return problem::request_invalid(what, &headers).map(Body::from);
    };
    for consequence in consequences {
        match consequence {
            Consequence::Nothing => {}
            Consequence::Everything => admin.cache.clear(),
            Consequence::Accessor(accessor) => {
                admin.cache.evict(|entry| *entry.accessor == *accessor);
            }
            Consequence::Entity(id) => {
                admin.cache.evict(|entry| entry.identity.entity_id().as_deref() == Some(&*id));
            }
        }
    }
    StatusCode::NO_CONTENT.into_response()
}

/// Forgets the token with this accessor.
async fn evict_accessor(
    State(admin): State<Arc<Admin>>,
    Path(accessor): Path<String>,
) -> impl IntoResponse {
    let evicted = admin.cache.evict(|entry| *entry.accessor == *accessor);
    Json(json!({ "evicted": evicted }))
}

/// Forgets every token of this entity.
async fn evict_entity(
    State(admin): State<Arc<Admin>>,
    Path(entity_id): Path<String>,
) -> impl IntoResponse {
    let evicted = admin
        .cache
        .evict(|entry| entry.identity.entity_id().as_deref() == Some(entity_id.as_str()));
    Json(json!({ "evicted": evicted }))
}

//! The admin listener, for operators: health, metrics, the token cache, and the console.

mod access;
mod body;
mod console;

use std::{mem, sync::Arc};

use axum::{
    Json, Router,
    body::Body,
    extract::{Path, State},
    http::{
        HeaderMap, StatusCode,
        header::{ACCEPT, CONTENT_TYPE},
    },
    middleware::from_fn_with_state,
    response::{IntoResponse, Response},
    routing::{delete, get, post},
};
use serde_json::json;

use crate::{
    audit_feed::{AuditFeed, EntryReader},
    config::AdminAccess,
    server::{layers::with_fallbacks, metrics_source::MetricsSource},
    telemetry::MetricsFormat,
    token::{Change, Invalidation, TokenCache},
};

pub(super) use self::console::{ConsoleRecords, ConsoleState};

/// The state of the admin listener's handlers.
pub(super) struct AdminState {
    pub(super) source: MetricsSource,
    pub(super) feed: Arc<AuditFeed>,
}

/// Returns the routes of the admin listener.
pub(super) fn router(admin: AdminState, console: ConsoleState, access: AdminAccess) -> Router {
    let access = Arc::new(access);
    let routes = Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/cache", get(cache_sizes).delete(clear_cache))
        .route("/cache/accessors/{accessor}", delete(evict_accessor))
        .route("/cache/entities/{entity_id}", delete(evict_entity))
        .route(access::AUDIT_PATH, post(receive_audit_entries));
    let routes = routes.with_state(Arc::new(admin)).merge(console::routes(console, &access));
    with_fallbacks(routes).layer(from_fn_with_state(access, access::check_access))
}

/// Responds with 200 if tokens can be validated, and with 503 and the reason otherwise.
async fn readyz(State(admin): State<Arc<AdminState>>) -> Response {
    match admin.source.readiness.check() {
        Ok(()) => Json(json!({ "ready": true })).into_response(),
        Err(reason) => {
            let mut body = json!({ "ready": false, "reason": reason });
            if let Some(detail) = admin.source.readiness.detail(reason) {
                body["detail"] = json!(*detail);
            }
            (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response()
        }
    }
}

async fn metrics(State(admin): State<Arc<AdminState>>, headers: HeaderMap) -> impl IntoResponse {
    let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
    let format = MetricsFormat::for_accept(accept);
    let snapshot = admin.source.snapshot().await;
    ([(CONTENT_TYPE, format.content_type())], admin.source.metrics.render(&snapshot, format))
}

/// Returns the numbers of cached tokens.
async fn cache_sizes(State(admin): State<Arc<AdminState>>) -> impl IntoResponse {
    let (live, refused) = admin.cache().entry_counts().await;
    Json(json!({ "live": live, "refused": refused }))
}

/// Evicts all cached tokens.
async fn clear_cache(State(admin): State<Arc<AdminState>>) -> StatusCode {
    admin.cache().clear();
    StatusCode::NO_CONTENT
}

/// Evicts the tokens that entries of Vault's audit log make stale. It receives the requests of
/// OpenBao's `http` audit device.
///
/// OpenBao responds to its client only after it has this response, so the handler waits for nothing
/// but the body and the eviction.
async fn receive_audit_entries(
    State(admin): State<Arc<AdminState>>,
    headers: HeaderMap,
    entries: Body,
) -> Response {
    let evict_all = EvictAllOnDrop(&admin.feed);
    let mut reader = EntryReader::default();
    match body::read(entries, |piece| reader.push(piece)).await {
        Ok(()) => {
            mem::forget(evict_all);
            admin.feed.receive(reader).await;
            StatusCode::NO_CONTENT.into_response()
        }
        Err(error) => error.response(&headers),
    }
}

/// A guard that evicts all tokens on drop: entries that did not arrive, for any reason, may concern
/// any token.
struct EvictAllOnDrop<'a>(&'a AuditFeed);

impl Drop for EvictAllOnDrop<'_> {
    fn drop(&mut self) {
        self.0.lose_entries();
    }
}

impl AdminState {
    fn cache(&self) -> &TokenCache {
        &self.source.validator.cache
    }
}

/// Evicts the token with this accessor.
async fn evict_accessor(
    State(admin): State<Arc<AdminState>>,
    Path(accessor): Path<String>,
) -> impl IntoResponse {
    let evicted = admin.cache().invalidate(&Invalidation::from_iter([Change::Accessor(accessor)]));
    Json(json!({ "evicted": evicted }))
}

/// Evicts every token that belongs, or may belong, to this entity.
async fn evict_entity(
    State(admin): State<Arc<AdminState>>,
    Path(entity_id): Path<String>,
) -> impl IntoResponse {
    let evicted = admin.cache().invalidate(&Invalidation::from_iter([Change::Entity(entity_id)]));
    Json(json!({ "evicted": evicted }))
}

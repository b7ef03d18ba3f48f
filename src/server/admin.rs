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
    config::AdminAccess,
    server::{
        audit::{EntryReader, Evictions},
        layers::with_fallbacks,
        metrics_source::MetricsSource,
    },
    telemetry::MetricsFormat,
    token::{TokenCache, TokenEntry},
};

pub(super) use self::console::{ConsoleRecords, ConsoleState};

/// The state of the admin listener's handlers.
pub(super) struct AdminState(pub(super) MetricsSource);

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
        .route("/audit", post(receive_audit_entries));
    let routes = routes.with_state(Arc::new(admin)).merge(console::routes(console, &access));
    with_fallbacks(routes).layer(from_fn_with_state(access, access::check_access))
}

/// Responds with 200 if tokens can be validated, and with 503 and the reason otherwise.
async fn readyz(State(admin): State<Arc<AdminState>>) -> Response {
    match admin.0.readiness.check() {
        Ok(()) => Json(json!({ "ready": true })).into_response(),
        Err(reason) => {
            let mut body = json!({ "ready": false, "reason": reason });
            if let Some(detail) = admin.0.readiness.detail(reason) {
                body["detail"] = json!(*detail);
            }
            (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response()
        }
    }
}

async fn metrics(State(admin): State<Arc<AdminState>>, headers: HeaderMap) -> impl IntoResponse {
    let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
    let format = MetricsFormat::for_accept(accept);
    let snapshot = admin.0.snapshot().await;
    ([(CONTENT_TYPE, format.content_type())], admin.0.metrics.render(&snapshot, format))
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
/// but the body.
async fn receive_audit_entries(
    State(admin): State<Arc<AdminState>>,
    headers: HeaderMap,
    entries: Body,
) -> Response {
    let evict_all = EvictAllOnDrop(&admin);
    let mut reader = EntryReader::default();
    match body::read(entries, |piece| reader.push(piece)).await {
        Ok(()) => {
            mem::forget(evict_all);
            let report = reader.finish();
            admin.evict(&report.evictions);
            report.record(&admin.0.metrics);
            StatusCode::NO_CONTENT.into_response()
        }
        Err(error) => error.response(&headers),
    }
}

/// A guard that evicts all tokens on drop: entries that did not arrive, for any reason, may concern
/// any token.
struct EvictAllOnDrop<'a>(&'a AdminState);

impl Drop for EvictAllOnDrop<'_> {
    fn drop(&mut self) {
        self.0.evict(&Evictions::All);
    }
}

impl AdminState {
    fn cache(&self) -> &TokenCache {
        &self.0.validator.cache
    }

    fn evict(&self, evictions: &Evictions) {
        match evictions {
            Evictions::All => self.cache().clear(),
            Evictions::Some { accessors, entities } => {
                if accessors.is_empty() && entities.is_empty() {
                    return;
                }
                self.cache().evict(|entry| {
                    accessors.contains(&*entry.accessor)
                        || (!entities.is_empty()
                            && may_belong_to(entry, |id| entities.contains(id)))
                });
            }
        }
    }
}

/// Returns true if a token belongs, or may belong, to an entity for which `includes` is true. An
/// entity that was merged into another has neither a name nor an alias, so its tokens have no
/// subject and may belong to any entity.
fn may_belong_to(entry: &TokenEntry, includes: impl Fn(&str) -> bool) -> bool {
    let is_merged = || entry.identity.subject().is_none();
    entry.identity.entity_id().is_some_and(|id| includes(&id) || is_merged())
}

/// Evicts the token with this accessor.
async fn evict_accessor(
    State(admin): State<Arc<AdminState>>,
    Path(accessor): Path<String>,
) -> impl IntoResponse {
    let evicted = admin.cache().evict(|entry| *entry.accessor == *accessor);
    Json(json!({ "evicted": evicted }))
}

/// Evicts every token that belongs, or may belong, to this entity.
async fn evict_entity(
    State(admin): State<Arc<AdminState>>,
    Path(entity_id): Path<String>,
) -> impl IntoResponse {
    let evicted = admin.cache().evict(|entry| may_belong_to(entry, |id| id == entity_id));
    Json(json!({ "evicted": evicted }))
}

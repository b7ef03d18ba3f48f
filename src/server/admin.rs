//! The operators' listener: health, metrics, and the cache.

mod access;
mod body;

use std::{mem, sync::Arc};

use axum::{
    Json, Router,
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header::CONTENT_TYPE},
    middleware::from_fn_with_state,
    response::{IntoResponse, Response},
    routing::{delete, get, post},
};
use serde_json::json;

use crate::{
    config::AdminAccess,
    server::{
        audit::{EntryReader, Evictions},
        outer::complete,
        readiness::Readiness,
    },
    telemetry::{Metrics, Snapshot},
    token::{Entry, FactsCache},
};

/// What the operators' endpoints read.
pub(super) struct Admin {
    pub(super) readiness: Readiness,
    pub(super) metrics: Arc<Metrics>,
    pub(super) cache: Arc<FactsCache>,
}

/// The content type of the `OpenMetrics` text format, version 1.0.0.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(super) fn router(admin: Admin, access: AdminAccess) -> Router {
    let routes = Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/cache", get(cache).delete(clear_cache))
        .route("/cache/accessors/{accessor}", delete(evict_accessor))
        .route("/cache/entities/{entity_id}", delete(evict_entity))
        .route("/audit", post(audit));
    complete(routes)
        .layer(from_fn_with_state(Arc::new(access), access::guard))
        .with_state(Arc::new(admin))
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

/// Evicts the tokens that entries of Vault's audit log make stale: the receiving end of OpenBao's
/// `http` audit device.
///
/// OpenBao answers none of its clients before it has this answer, so nothing here waits for
/// anything but the body.
async fn audit(State(admin): State<Arc<Admin>>, headers: HeaderMap, entries: Body) -> Response {
    let unread = Unread(&admin);
    let mut reader = EntryReader::default();
    match body::read(entries, |piece| reader.push(piece)).await {
        Ok(()) => {
            mem::forget(unread);
            admin.evict(&reader.finish());
            StatusCode::NO_CONTENT.into_response()
        }
        Err(error) => error.response(&headers),
    }
}

/// Entries that did not arrive, for whatever reason. They may have been about any token: all are
/// evicted when this is dropped.
struct Unread<'a>(&'a Admin);

impl Drop for Unread<'_> {
    fn drop(&mut self) {
        self.0.evict(&Evictions::All);
    }
}

impl Admin {
    fn evict(&self, evictions: &Evictions) {
        match evictions {
            Evictions::All => self.cache.clear(),
            Evictions::Some { accessors, entities } => {
                if accessors.is_empty() && entities.is_empty() {
                    return;
                }
                self.cache.evict(|entry| {
                    accessors.contains(&*entry.accessor)
                        || (!entities.is_empty() && may_be_of(entry, |id| entities.contains(id)))
                });
            }
        }
    }
}

/// Returns whether a token is of one of the entities that `includes` is true for, or may be. An
/// entity that was merged into another has neither a name nor an alias, and so its tokens have no
/// subject: they may be of any entity.
fn may_be_of(entry: &Entry, includes: impl Fn(&str) -> bool) -> bool {
    let is_merged = || entry.identity.subject().is_none();
    entry.identity.entity_id().is_some_and(|id| includes(&id) || is_merged())
}

/// Forgets the token with this accessor.
async fn evict_accessor(
    State(admin): State<Arc<Admin>>,
    Path(accessor): Path<String>,
) -> impl IntoResponse {
    let evicted = admin.cache.evict(|entry| *entry.accessor == *accessor);
    Json(json!({ "evicted": evicted }))
}

/// Forgets every token that is, or may be, of this entity.
async fn evict_entity(
    State(admin): State<Arc<Admin>>,
    Path(entity_id): Path<String>,
) -> impl IntoResponse {
    let evicted = admin.cache.evict(|entry| may_be_of(entry, |id| id == entity_id));
    Json(json!({ "evicted": evicted }))
}

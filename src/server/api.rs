//! The listener that everybody may reach, through the proxy.

use axum::{Json, Router, routing::get};
use serde_json::{Value, json};

pub(super) fn router() -> Router {
    Router::new().route("/", get(about))
}

/// What this is.
async fn about() -> Json<Value> {
    Json(json!({ "name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION") }))
}

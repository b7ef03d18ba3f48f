use std::sync::LazyLock;

use axum::{body::Body, response::IntoResponse};
use bytes::Bytes;
use http::{Response, header::CONTENT_TYPE};
use serde_json::json;

use crate::server::api::{paths, response};

/// Get the name of this service and links to its documentation
#[utoipa::path(get, path = "/", operation_id = "about", security(()), responses(
    (status = 200, description = "The name and version of this service, and links", body = Value,
        example = json!({
            "name": "vault-auth-validator",
            "version": env!("CARGO_PKG_VERSION"),
            "links": {"docs": "/docs", "openapi": "/openapi.json", "whoami": "/v1/whoami"},
        })),
))]
pub(super) async fn about() -> Response<Body> {
    static JSON: LazyLock<Bytes> = LazyLock::new(|| {
        let about = json!({
            "name": env!("CARGO_PKG_NAME"),
            "version": env!("CARGO_PKG_VERSION"),
            "links": {
                "docs": paths::DOCS,
                "openapi": paths::OPENAPI,
                "whoami": paths::WHOAMI,
            },
        });
        about.to_string().into()
    });
    ([(CONTENT_TYPE, response::JSON)], JSON.clone()).into_response()
}

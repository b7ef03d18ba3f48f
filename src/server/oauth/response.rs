use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{
    HeaderValue, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER},
};
use serde::Serialize;
use serde_json::json;

use crate::{
    oauth::OAuthError,
    server::{denial_log::MAX_DETAIL, request_id::RequestId},
    telemetry::{LimitedLog, line_size, printable},
};

/// The description of the error while Vault is unavailable.
pub(super) const VAULT_UNAVAILABLE: &str = "Vault is unavailable: try again";

/// Returns a JSON document that is not cached.
pub(super) fn json_response(status: StatusCode, document: &impl Serialize) -> Response {
    let body = serde_json::to_vec(document).unwrap_or_default();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Logs an error and returns its response (RFC 6749, 5.2). `client` is the client's address for the log line.
pub(super) fn error_response(
    error: &OAuthError,
    id: &RequestId,
    client: &str,
) -> impl IntoResponse + use<> {
    let code = error.code.as_str();
    log_refused(id, client, code, error.description);
    let body = json!({
        "error": code,
        "error_description": error.description,
        "request_id": id.as_str(),
    });
    let mut response = json_response(error.code.status(), &body);
    if let Some(wait) = error.retry_after {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait.as_secs()));
    }
    response
}

/// Logs that the request of a client was refused, unless an outage is the cause, which is logged as such.
pub(super) fn log_refused(id: &RequestId, client: &str, code: &str, detail: &str) {
    if detail == VAULT_UNAVAILABLE {
        return;
    }
    let request_id = id.as_str();
    let detail = printable(detail, MAX_DETAIL);
    LimitedLog::OAuth.log(line_size([request_id, code, &detail, client]), || {
        tracing::info!(request_id, code, detail = &*detail, client, "oauth request refused");
    });
}

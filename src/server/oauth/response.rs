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
    server::{log_limit::LogLimit, request_id::RequestId},
};

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

/// Logs an error and returns its response (RFC 6749, 5.2).
pub(super) fn error_response(error: &OAuthError, id: &RequestId) -> impl IntoResponse {
    static LIMIT: LogLimit = LogLimit::per_second();
    let (request_id, code) = (id.as_str(), error.code.as_str());
    LIMIT.log(|| {
        tracing::info!(request_id, code, detail = error.description, "oauth request refused");
    });
    let body = json!({
        "error": code,
        "error_description": error.description,
        "request_id": request_id,
    });
    let mut response = json_response(error.code.status(), &body);
    if let Some(wait) = error.retry_after {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait.as_secs()));
    }
    response
}

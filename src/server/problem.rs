//! Problem details (RFC 9457): the body of every error response.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
};
use serde::Serialize;
use tracing::warn;

use crate::{
    auth::{Challenge, ProblemSpec, Refusal},
    server::request_id::RequestId,
    telemetry::{LimitedLog, line_size},
};

/// The members of problem details.
#[derive(Serialize)]
pub(super) struct ProblemDetails<'d> {
    r#type: String,
    title: &'d str,
    status: u16,
    code: &'d str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'d str>,
    request_id: &'d str,
}

impl<'d> ProblemDetails<'d> {
    /// Creates the problem details of an error.
    pub(super) fn new(
        status: StatusCode,
        code: &'d str,
        title: &'d str,
        detail: Option<&'d str>,
        id: &'d RequestId,
    ) -> Self {
        let (status, request_id) = (status.as_u16(), id.as_str());
        let r#type = format!("urn:vault-auth-validator:{code}");
        Self { r#type, title, status, code, detail, request_id }
    }
}

/// Returns the response to a rejected request.
pub(super) fn problem_response(
    terms: &ProblemSpec,
    detail: Option<&str>,
    id: &RequestId,
) -> Response<Bytes> {
    let mut response = respond(terms.status, terms.code, terms.title, detail, id);
    add_spec_headers(terms, response.headers_mut());
    response
}

/// Adds `WWW-Authenticate` and `Retry-After`.
pub(super) fn add_spec_headers(terms: &ProblemSpec, headers: &mut HeaderMap) {
    if let Some(challenge) = challenge(terms.challenge) {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    if let Some(pause) = terms.retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(pause.as_secs()));
    }
}

fn respond(
    status: StatusCode,
    code: &str,
    title: &str,
    detail: Option<&str>,
    id: &RequestId,
) -> Response<Bytes> {
    let details = ProblemDetails::new(status, code, title, detail, id);
    let body = serde_json::to_vec(&details).unwrap_or_default();
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Returns 400 Bad Request for a request that no proxy should forward.
pub(super) fn request_invalid(reason: &str, headers: &HeaderMap) -> Response<Bytes> {
    let refusal = Refusal::RequestInvalid(reason.to_owned());
    problem_response(&refusal.problem_spec(), None, &RequestId::of(headers))
}

/// Returns 500 Internal Server Error.
pub(super) fn internal_error(headers: &HeaderMap) -> Response<Bytes> {
    problem_response(&Refusal::Internal.problem_spec(), None, &RequestId::of(headers))
}

/// Returns 404 Not Found for an unknown path.
pub(super) fn not_found(headers: &HeaderMap) -> Response<Bytes> {
    let title = "There is no resource at this path";
    respond(StatusCode::NOT_FOUND, "not_found", title, None, &RequestId::of(headers))
}

/// Returns 405 Method Not Allowed, with an optional detail for the client.
pub(super) fn method_not_allowed(headers: &HeaderMap, detail: Option<&str>) -> Response<Bytes> {
    let title = "This path does not support this method";
    let id = RequestId::of(headers);
    respond(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", title, detail, &id)
}

/// Logs a request that the admin listener rejects and returns its response. A 401 has a challenge
/// for the admin listener's own token (RFC 6750, 3).
pub(super) fn log_and_respond_to_admin(
    status: StatusCode,
    code: &'static str,
    title: &str,
    headers: &HeaderMap,
) -> Response<Bytes> {
    let id = RequestId::of(headers);
    LimitedLog::Admin.log(line_size([id.as_str(), code]), || {
        warn!(request_id = id.as_str(), code, "admin request rejected");
    });
    let mut response = respond(status, code, title, None, &id);
    if status == StatusCode::UNAUTHORIZED {
        let challenge = HeaderValue::from_static(r#"Bearer realm="admin""#);
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    response
}

/// Returns the response to a request whose body is incomplete or arrived too slowly.
pub(super) fn body_error(
    status: StatusCode,
    code: &str,
    title: &str,
    headers: &HeaderMap,
) -> Response<Bytes> {
    respond(status, code, title, None, &RequestId::of(headers))
}

/// Returns the challenge (RFC 6750, 3).
pub(super) fn challenge(challenge: Challenge) -> Option<&'static str> {
    match challenge {
        Challenge::None => None,
        Challenge::Bearer => Some(r#"Bearer realm="vault""#),
        Challenge::InvalidToken => Some(r#"Bearer realm="vault", error="invalid_token""#),
        Challenge::InsufficientScope => Some(r#"Bearer realm="vault", error="insufficient_scope""#),
    }
}

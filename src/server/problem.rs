//! Problem documents (RFC 9457): how every answer looks that is not what was asked for.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
};
use serde::Serialize;
use tracing::{error, info, warn};

use crate::{
    decision::{Challenge, Refusal, Severity, Terms},
    requirement::{ErrorKind, RequirementError},
    server::{log_limit::LogLimit, request_id::RequestId},
};

#[derive(Serialize)]
struct Document<'d> {
    r#type: String,
    title: &'d str,
    status: u16,
    code: &'d str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'d str>,
    request_id: &'d str,
}

/// What is said of a refusal besides its terms.
#[derive(Clone, Copy, Default)]
pub(super) struct Details<'d> {
    /// To the client: what is wrong with the request. Nothing of the caller.
    pub(super) told: Option<&'d str>,
    /// In the log. Never a secret.
    pub(super) logged: Option<&'d str>,
}

/// The answer to a request that is refused on these terms, and the one line in the log. The answer
/// tells what the code tells, and nothing of the caller.
pub(super) fn refuse(terms: &Terms, details: Details<'_>, id: &RequestId) -> Response<Bytes> {
    // Each severity has a limit of its own, so that clients cannot crowd out what operators need.
    static LIMITS: [LogLimit; 3] = [const { LogLimit::per_second() }; 3];
    LIMITS[terms.severity as usize].log(|| log(terms, details.logged, id));
    refusal(terms, details.told, id)
}

/// The answer to a request whose requirements cannot be read, and the line in the log. A client may
/// choose a part of them, such as a tenant's name, so each kind of error has a limit of its own:
/// what clients bring about does not crowd out what is wrong with a configuration.
pub(super) fn requirement_refused(
    error: &RequirementError,
    terms: &Terms,
    details: Details<'_>,
    id: &RequestId,
) -> Response<Bytes> {
    static LIMITS: LazyLock<Mutex<HashMap<ErrorKind, Arc<LogLimit>>>> =
        LazyLock::new(Mutex::default);
    let new = || Arc::new(LogLimit::per_second());
    let mut limits = LIMITS.lock().unwrap_or_else(PoisonError::into_inner);
    let limit = Arc::clone(limits.entry(error.kind()).or_insert_with(new));
    drop(limits);
    limit.log(|| log(terms, details.logged, id));
    refusal(terms, details.told, id)
}

fn log(terms: &Terms, detail: Option<&str>, id: &RequestId) {
    let (request_id, code) = (id.as_str(), terms.code);
    match terms.severity {
        Severity::Client => info!(request_id, code, detail, "refused"),
        Severity::Dependency => warn!(request_id, code, detail, "refused"),
        Severity::Operator => error!(request_id, code, detail, "refused"),
    }
}

/// The answer to a request that is refused on these terms.
pub(super) fn refusal(terms: &Terms, detail: Option<&str>, id: &RequestId) -> Response<Bytes> {
    let mut response = document(terms.status, terms.code, terms.title, detail, id);
    let headers = response.headers_mut();
    if let Some(challenge) = challenge(terms.challenge) {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    if let Some(pause) = terms.retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(pause.as_secs()));
    }
    response
}

fn document(
    status: StatusCode,
    code: &str,
    title: &str,
    detail: Option<&str>,
    id: &RequestId,
) -> Response<Bytes> {
    let document = Document {
        r#type: format!("urn:vault-auth-validator:{code}"),
        title,
        status: status.as_u16(),
        code,
        detail,
        request_id: id.as_str(),
    };
    let body = serde_json::to_vec(&document).unwrap_or_default();
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The request makes no sense; says what is wrong with it.
pub(super) fn request_invalid(what: &str, headers: &HeaderMap) -> Response<Bytes> {
    let refused = Refusal::RequestInvalid(what.to_owned());
    refusal(&refused.terms(), None, &RequestId::of(headers))
}

/// There is nothing here.
pub(super) fn not_found(headers: &HeaderMap) -> Response<Bytes> {
    let title = "There is nothing at this path";
    document(StatusCode::NOT_FOUND, "not_found", title, None, &RequestId::of(headers))
}

/// There is something here, and this is not how to use it. `told` says more.
pub(super) fn method_not_allowed(headers: &HeaderMap, told: Option<&str>) -> Response<Bytes> {
    let title = "This path does not take this method";
    let id = RequestId::of(headers);
    document(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", title, told, &id)
}

/// Returns the refusal of a request that the admin listener does not take from this sender, and
/// logs it. A 401 asks for the admin listener's own token (RFC 6750, 3).
pub(super) fn admin_refused(
    status: StatusCode,
    code: &'static str,
    title: &str,
    headers: &HeaderMap,
) -> Response<Bytes> {
    static LIMIT: LogLimit = LogLimit::per_second();
    let id = RequestId::of(headers);
    LIMIT.log(|| warn!(request_id = id.as_str(), code, "admin request refused"));
    let mut response = document(status, code, title, None, &id);
    if status == StatusCode::UNAUTHORIZED {
        let challenge = HeaderValue::from_static(r#"Bearer realm="admin""#);
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    response
}

/// Returns the refusal of a request whose body did not arrive in time, or broke off.
pub(super) fn body_refused(
    status: StatusCode,
    code: &str,
    title: &str,
    headers: &HeaderMap,
) -> Response<Bytes> {
    document(status, code, title, None, &RequestId::of(headers))
}

fn challenge(challenge: Challenge) -> Option<&'static str> {
    match challenge {
        Challenge::Absent => None,
        Challenge::Bare => Some(r#"Bearer realm="vault""#),
        Challenge::InvalidToken => Some(r#"Bearer realm="vault", error="invalid_token""#),
        Challenge::InsufficientScope => Some(r#"Bearer realm="vault", error="insufficient_scope""#),
    }
}

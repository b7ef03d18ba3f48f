//! The body of a request to the admin listener.

use std::time::Duration;

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, Response, StatusCode},
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::time::timeout;

use crate::server::problem;

/// The largest body, in bytes.
const MAX_BODY: usize = 1024 * 1024;

/// How long a body may take to arrive, all of it.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// A body that did not arrive whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyError {
    /// It is larger than 1 MiB.
    TooLarge,
    /// It took longer than 10 s.
    Timeout,
    /// The connection, or the framing, broke.
    Broken,
}

impl BodyError {
    /// Returns the answer to its sender.
    pub(super) fn response(self, headers: &HeaderMap) -> Response<Body> {
        let (status, code, title) = match self {
            Self::TooLarge => {
                (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "The body is larger than 1 MiB")
            }
            Self::Timeout => {
                let title = "The body took longer than 10 s to arrive";
                (StatusCode::REQUEST_TIMEOUT, "body_timeout", title)
            }
            Self::Broken => (StatusCode::BAD_REQUEST, "body_broken", "The body broke off"),
        };
        problem::body_refused(status, code, title, headers).map(Body::from)
    }
}

/// Reads a whole body.
///
/// # Errors
/// [`BodyError`] if it is too large, takes too long, or breaks off.
pub(super) async fn read(body: Body) -> Result<Bytes, BodyError> {
    match timeout(BODY_TIMEOUT, Limited::new(body, MAX_BODY).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(BodyError::TooLarge),
        Ok(Err(_)) => Err(BodyError::Broken),
        Err(_) => Err(BodyError::Timeout),
    }
}

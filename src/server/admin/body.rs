//! Request bodies of the admin listener.

use std::time::Duration;

use axum::{
    body::Body,
    http::{HeaderMap, Response, StatusCode},
};
use http_body_util::BodyExt;
use tokio::time::timeout;

use crate::server::problem;

/// The maximum time for a whole body to arrive.
const BODY_READ_TIMEOUT: Duration = Duration::from_secs(10);

/// An error from reading a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyError {
    /// The body took longer than 10 s to arrive.
    Timeout,
    /// The connection was closed or the framing is invalid.
    Incomplete,
}

impl BodyError {
    /// Returns the error response.
    pub(super) fn response(self, headers: &HeaderMap) -> Response<Body> {
        let (status, code, title) = match self {
            Self::Timeout => {
                let title = "The body took longer than 10 s to arrive";
                (StatusCode::REQUEST_TIMEOUT, "body_timeout", title)
            }
            Self::Incomplete => (StatusCode::BAD_REQUEST, "body_broken", "The body is incomplete"),
        };
        problem::body_error(status, code, title, headers).map(Body::from)
    }
}

/// Reads a whole body, of any size, and passes each chunk to `consume`.
///
/// # Errors
/// [`BodyError`] if the body takes too long or is incomplete.
pub(super) async fn read(mut body: Body, mut consume: impl FnMut(&[u8])) -> Result<(), BodyError> {
    let chunks = async {
        while let Some(frame) = body.frame().await {
            match frame {
                Ok(frame) => frame.data_ref().into_iter().for_each(|chunk| consume(chunk)),
                Err(_) => return Err(BodyError::Incomplete),
            }
        }
        Ok(())
    };
    timeout(BODY_READ_TIMEOUT, chunks).await.unwrap_or(Err(BodyError::Timeout))
}

//! The body of a request to the admin listener.

use std::time::Duration;

use axum::{
    body::Body,
    http::{HeaderMap, Response, StatusCode},
};
use http_body_util::BodyExt;
use tokio::time::timeout;

use crate::server::problem;

/// How long a body may take to arrive, all of it.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// A body that did not arrive whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyError {
    /// It took longer than 10 s.
    Timeout,
    /// The connection, or the framing, broke.
    Broken,
}

impl BodyError {
    /// Returns the answer to its sender.
    pub(super) fn response(self, headers: &HeaderMap) -> Response<Body> {
        let (status, code, title) = match self {
            Self::Timeout => {
                let title = "The body took longer than 10 s to arrive";
                (StatusCode::REQUEST_TIMEOUT, "body_timeout", title)
            }
            Self::Broken => (StatusCode::BAD_REQUEST, "body_broken", "The body broke off"),
        };
        problem::body_refused(status, code, title, headers).map(Body::from)
    }
}

/// Reads a whole body, of any size, and passes each piece of it on.
///
/// # Errors
/// [`BodyError`] if it takes too long or breaks off.
pub(super) async fn read(mut body: Body, mut take: impl FnMut(&[u8])) -> Result<(), BodyError> {
    let pieces = async {
        while let Some(frame) = body.frame().await {
            match frame {
                Ok(frame) => frame.data_ref().into_iter().for_each(|piece| take(piece)),
                Err(_) => return Err(BodyError::Broken),
            }
        }
        Ok(())
    };
    timeout(BODY_TIMEOUT, pieces).await.unwrap_or(Err(BodyError::Timeout))
}

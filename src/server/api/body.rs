//! Bodies of requests: JSON of a bounded size, in buffers that are wiped.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::{
    HeaderMap, StatusCode,
    header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE},
};
use http_body_util::BodyExt;
use hyper::body::Frame;
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::server::api::error::ApiError;

/// The largest body, in bytes.
const MAX_BODY: usize = 1024 * 1024;

/// The largest body of a request that takes none, in bytes. No memory is reserved for it.
const MAX_NOTHING: usize = 64;

/// How long a body may take to come.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long nothing of it may come.
const PROGRESS: Duration = Duration::from_secs(5);

const TOO_SLOW: ApiError = ApiError::BodyBroken(StatusCode::REQUEST_TIMEOUT);

/// What a body may be said to be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Media {
    Json,
    /// JSON, or a merge patch (RFC 7396).
    MergePatch,
}

/// Whether these headers announce a body of this kind, and one that is not too large.
pub(super) fn check_head(headers: &HeaderMap, media: Media) -> Result<(), ApiError> {
    let mut types = headers.get_all(CONTENT_TYPE).into_iter().map(|value| value.to_str().ok());
    let (Some(said), None) = (types.next().flatten(), types.next()) else {
        return Err(ApiError::MediaType("the header Content-Type: application/json is needed"));
    };
    if !is_utf8_json(said, media) {
        return Err(ApiError::MediaType("Content-Type has to be application/json, in UTF-8"));
    }
    if headers.contains_key(CONTENT_ENCODING) {
        return Err(ApiError::MediaType("a body with a Content-Encoding is not read"));
    }
    match announced(headers) {
        Some(length) if length > MAX_BODY => Err(ApiError::BodyTooLarge),
        _ => Ok(()),
    }
}

/// The whole body.
pub(super) async fn read(body: Body, headers: &HeaderMap) -> Result<Zeroizing<Vec<u8>>, ApiError> {
    read_up_to(MAX_BODY, body, headers).await
}

/// Refuses a body in which there is something. An empty object is nothing.
pub(super) async fn expect_nothing(body: Body, headers: &HeaderMap) -> Result<(), ApiError> {
    match read_up_to(MAX_NOTHING, body, headers).await {
        Ok(whole) if matches!(whole.trim_ascii(), b"" | b"{}") => Ok(()),
        Ok(_) | Err(ApiError::BodyTooLarge) => Err(ApiError::BodyUnwanted),
        Err(error) => Err(error),
    }
}

async fn read_up_to(
    limit: usize,
    body: Body,
    headers: &HeaderMap,
) -> Result<Zeroizing<Vec<u8>>, ApiError> {
    let expected = announced(headers).unwrap_or(limit);
    timeout(PATIENCE, collect(body, expected, limit)).await.unwrap_or(Err(TOO_SLOW))
}

async fn collect(
    mut body: Body,
    expected: usize,
    limit: usize,
) -> Result<Zeroizing<Vec<u8>>, ApiError> {
    if expected > limit {
        return Err(ApiError::BodyTooLarge);
    }
    // Made to size, so that growing leaves nothing behind.
    let mut whole = Zeroizing::new(Vec::with_capacity(expected));
    while let Some(frame) = next_frame(&mut body).await? {
        let frame = frame.map_err(|_| ApiError::BodyBroken(StatusCode::BAD_REQUEST))?;
        let Some(data) = frame.data_ref() else { continue };
        if whole.len() + data.len() > limit {
            return Err(ApiError::BodyTooLarge);
        }
        whole.extend_from_slice(data);
    }
    Ok(whole)
}

type BodyFrame = Result<Frame<Bytes>, axum::Error>;

async fn next_frame(body: &mut Body) -> Result<Option<BodyFrame>, ApiError> {
    timeout(PROGRESS, body.frame()).await.map_err(|_| TOO_SLOW)
}

/// The length that the body is said to have, in bytes.
pub(super) fn announced(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn is_utf8_json(said: &str, media: Media) -> bool {
    let mut parts = said.split(';').map(str::trim);
    let kind = parts.next().unwrap_or_default();
    let json = kind.eq_ignore_ascii_case("application/json");
    let patch = kind.eq_ignore_ascii_case("application/merge-patch+json");
    let utf8 = |parameter: &str| {
        parameter.is_empty()
            || ["charset=utf-8", "charset=\"utf-8\""]
                .iter()
                .any(|utf8| parameter.eq_ignore_ascii_case(utf8))
    };
    (json || (patch && media == Media::MergePatch)) && parts.all(utf8)
}

#[cfg(test)]
mod tests {
    use super::{Media, is_utf8_json};

    #[test]
    fn a_body_has_to_be_said_to_be_json() {
        for (said, put, patch) in [
            ("application/json", true, true),
            ("Application/JSON; charset=UTF-8", true, true),
            ("application/json;charset=\"utf-8\";", true, true),
            ("application/merge-patch+json", false, true),
            ("application/json; charset=latin1", false, false),
            ("text/plain", false, false),
            ("text/plain; application/json", false, false),
            ("application/jsonp", false, false),
            ("application/x-www-form-urlencoded", false, false),
            ("", false, false),
        ] {
            assert_eq!(is_utf8_json(said, Media::Json), put, "{said}");
            assert_eq!(is_utf8_json(said, Media::MergePatch), patch, "{said}");
        }
    }
}

//! Request bodies: JSON of a limited size, in buffers that are zeroized.

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

/// The maximum size of a body, in bytes.
const MAX_BODY: usize = 1024 * 1024;

/// The maximum size of the body of a request that takes none, in bytes. No memory is reserved for
/// it.
const MAX_EMPTY_BODY: usize = 64;

/// The maximum time for a whole body to arrive.
const BODY_READ_TIMEOUT: Duration = Duration::from_secs(10);

/// The maximum time between two frames of a body.
const FRAME_READ_TIMEOUT: Duration = Duration::from_secs(5);

const BODY_TIMEOUT: ApiError = ApiError::BodyIncomplete(StatusCode::REQUEST_TIMEOUT);

/// The media types that a request body may have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum MediaType {
    /// JSON.
    Json,
    /// JSON, or a merge patch (RFC 7396).
    MergePatch,
}

/// Checks the media type and the length in the headers of a request with a body.
pub(super) fn check_content_headers(
    headers: &HeaderMap,
    media_type: MediaType,
) -> Result<(), ApiError> {
    let mut types = headers.get_all(CONTENT_TYPE).into_iter().map(|value| value.to_str().ok());
    let (Some(content_type), None) = (types.next().flatten(), types.next()) else {
        return Err(ApiError::MediaType(
            "the request needs the header Content-Type: application/json",
        ));
    };
    if !is_utf8_json(content_type, media_type) {
        return Err(ApiError::MediaType("Content-Type has to be application/json, in UTF-8"));
    }
    if headers.contains_key(CONTENT_ENCODING) {
        return Err(ApiError::MediaType("a body with Content-Encoding is not supported"));
    }
    match content_length(headers) {
        Some(length) if length > MAX_BODY => Err(ApiError::BodyTooLarge),
        _ => Ok(()),
    }
}

/// Reads the whole body.
pub(super) async fn read(body: Body, headers: &HeaderMap) -> Result<Zeroizing<Vec<u8>>, ApiError> {
    read_up_to(MAX_BODY, body, headers).await
}

/// Rejects a body that is neither empty nor an empty object.
pub(super) async fn expect_empty(body: Body, headers: &HeaderMap) -> Result<(), ApiError> {
    match read_up_to(MAX_EMPTY_BODY, body, headers).await {
        Ok(whole) if matches!(whole.trim_ascii(), b"" | b"{}") => Ok(()),
        Ok(_) | Err(ApiError::BodyTooLarge) => Err(ApiError::BodyNotEmpty),
        Err(error) => Err(error),
    }
}

async fn read_up_to(
    limit: usize,
    body: Body,
    headers: &HeaderMap,
) -> Result<Zeroizing<Vec<u8>>, ApiError> {
    let capacity = content_length(headers).unwrap_or(limit);
    timeout(BODY_READ_TIMEOUT, collect(body, capacity, limit)).await.unwrap_or(Err(BODY_TIMEOUT))
}

async fn collect(
    mut body: Body,
    capacity: usize,
    limit: usize,
) -> Result<Zeroizing<Vec<u8>>, ApiError> {
    if capacity > limit {
        return Err(ApiError::BodyTooLarge);
    }
    // Allocated at full size: a reallocation would leave a copy that is not zeroized.
    let mut whole = Zeroizing::new(Vec::with_capacity(capacity));
    while let Some(frame) = next_frame(&mut body).await? {
        let frame = frame.map_err(|_| ApiError::BodyIncomplete(StatusCode::BAD_REQUEST))?;
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
    timeout(FRAME_READ_TIMEOUT, body.frame()).await.map_err(|_| BODY_TIMEOUT)
}

/// Returns the value of `Content-Length`, in bytes.
pub(super) fn content_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn is_utf8_json(content_type: &str, media_type: MediaType) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    let kind = parts.next().unwrap_or_default();
    let is_json = kind.eq_ignore_ascii_case("application/json");
    let is_merge_patch = kind.eq_ignore_ascii_case("application/merge-patch+json");
    let is_utf8 = |parameter: &str| {
        parameter.is_empty()
            || ["charset=utf-8", "charset=\"utf-8\""]
                .iter()
                .any(|utf8| parameter.eq_ignore_ascii_case(utf8))
    };
    (is_json || (is_merge_patch && media_type == MediaType::MergePatch)) && parts.all(is_utf8)
}

#[cfg(test)]
mod tests {
    use super::{MediaType, is_utf8_json};

    #[test]
    fn content_type_must_be_utf8_json() {
        for (content_type, put, patch) in [
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
            assert_eq!(is_utf8_json(content_type, MediaType::Json), put, "{content_type}");
            assert_eq!(is_utf8_json(content_type, MediaType::MergePatch), patch, "{content_type}");
        }
    }
}

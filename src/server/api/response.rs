use bytes::Bytes;
use http::{
    HeaderValue, Response, StatusCode,
    header::{CONTENT_TYPE, ETAG, VARY},
};
use serde::Serialize;
use zeroize::{Zeroize, Zeroizing};

use crate::secrets::{SecretVersion, to_zeroizing_json};

/// The content type of JSON.
pub(super) const JSON: &str = "application/json";
/// The content type of plain text.
pub(super) const TEXT: &str = "text/plain; charset=utf-8";

/// Returns a response whose body is zeroized once it is sent.
pub(super) fn zeroizing_response<T>(
    content_type: &'static str,
    body: Zeroizing<T>,
) -> Response<Bytes>
where
    T: Zeroize + AsRef<[u8]> + Send + 'static,
{
    let mut response = Response::new(Bytes::from_owner(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// Returns a JSON response with this status.
pub(super) fn json(status: StatusCode, payload: &impl Serialize) -> Response<Bytes> {
    let mut response = zeroizing_response(JSON, to_zeroizing_json(payload));
    *response.status_mut() = status;
    response
}

/// Adds the `ETag` of a secret's version and `Vary: accept`.
pub(super) fn with_etag(mut response: Response<Bytes>, version: SecretVersion) -> Response<Bytes> {
    let headers = response.headers_mut();
    if let Ok(tag) = HeaderValue::try_from(format!("\"{version}\"")) {
        headers.insert(ETAG, tag);
    }
    headers.insert(VARY, HeaderValue::from_static("accept"));
    response
}

/// Returns an empty response with this status.
pub(super) fn empty(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}

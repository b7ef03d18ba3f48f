use bytes::Bytes;
use http::{
    HeaderValue, Response, StatusCode,
    header::{CONTENT_TYPE, ETAG, VARY},
};
use serde::Serialize;
use zeroize::{Zeroize, Zeroizing};

use crate::secrets::{Version, to_wiped_json};

pub(super) const JSON: &str = "application/json";
pub(super) const TEXT: &str = "text/plain; charset=utf-8";

/// An answer whose body is wiped once it is sent.
pub(super) fn wiped<T>(content_type: &'static str, body: Zeroizing<T>) -> Response<Bytes>
where
    T: Zeroize + AsRef<[u8]> + Send + 'static,
{
    let mut response = Response::new(Bytes::from_owner(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// A JSON answer of this status.
pub(super) fn json(status: StatusCode, document: &impl Serialize) -> Response<Bytes> {
    let mut response = wiped(JSON, to_wiped_json(document));
    *response.status_mut() = status;
    response
}

/// The same about one version of a secret.
pub(super) fn of_version(mut response: Response<Bytes>, version: Version) -> Response<Bytes> {
    let headers = response.headers_mut();
    if let Ok(tag) = HeaderValue::try_from(format!("\"{version}\"")) {
        headers.insert(ETAG, tag);
    }
    headers.insert(VARY, HeaderValue::from_static("accept"));
    response
}

/// There is nothing to say.
pub(super) fn empty(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}

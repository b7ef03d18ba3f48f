use std::fmt;

use crate::headers::RequestHeaders;

/// The id of a request in its response and log line: the proxy's `X-Request-Id`, else a random
/// one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RequestId(String);

/// The maximum length of an id that is accepted from the proxy, in bytes.
const MAX_LENGTH: usize = 128;

impl RequestId {
    /// Returns the id of the request with these headers. An `X-Request-Id` with other characters
    /// than letters, digits and `-_.` is replaced, since it could forge parts of a log line.
    pub(super) fn of<'h>(headers: impl Into<RequestHeaders<'h>>) -> Self {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let received = headers.into().get_all("x-request-id").next();
        received
            .and_then(|id| str::from_utf8(id).ok())
            .filter(|id| (1..=MAX_LENGTH).contains(&id.len()) && id.bytes().all(is_plain))
            .map_or_else(|| Self(format!("{:032x}", rand::random::<u128>())), |id| Self(id.into()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

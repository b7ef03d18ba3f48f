use std::fmt;

use http::HeaderMap;

/// What ties an answer to its log line: the proxy's `X-Request-Id`, else one made here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RequestId(String);

const MAX_LENGTH: usize = 128;

impl RequestId {
    /// The id of the request with these headers. One that could be mistaken for something else
    /// in a log is not taken over.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let given = headers.get("x-request-id").and_then(|value| value.to_str().ok());
        given
            .filter(|id| (1..=MAX_LENGTH).contains(&id.len()) && id.bytes().all(plain))
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

//! Encodes responses as HTTP/1.1 (RFC 9112), always with `Content-Length`.

use crate::server::http1::{date::CachedDate, handler::HandlerResponse};

/// The state of the connection after a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeepAlive {
    /// The connection stays open for the next request.
    Open,
    /// The connection is closed.
    Close,
}

impl KeepAlive {
    /// Returns the `Connection` header line; empty if none is needed.
    fn header_line(self) -> &'static [u8] {
        match self {
            Self::Open => b"",
            Self::Close => b"connection: close\r\n",
        }
    }
}

/// Appends a response to the write buffer.
pub(super) fn write_response(
    response: &HandlerResponse,
    keep_alive: KeepAlive,
    date: &mut CachedDate,
    out: &mut Vec<u8>,
) {
    match response {
        HandlerResponse::Allowed(entry, cache) => {
            out.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
            out.extend_from_slice(entry.identity.header_lines().as_bytes());
            out.extend_from_slice(b"x-auth-cache: ");
            out.extend_from_slice(cache.as_str().as_bytes());
            out.extend_from_slice(b"\r\ncache-control: no-store\r\ncontent-length: 0\r\n");
        }
        HandlerResponse::Other(response) => {
            let (status, length) = (response.status(), response.body().len().to_string());
            let reason = status.canonical_reason().unwrap_or_default();
            write_line(out, [b"HTTP/1.1 ", status.as_str().as_bytes(), b" ", reason.as_bytes()]);
            for (name, value) in response.headers() {
                write_line(out, [name.as_str().as_bytes(), b": ", value.as_bytes()]);
            }
            write_line(out, [b"content-length: ", length.as_bytes()]);
        }
    }
    out.extend_from_slice(keep_alive.header_line());
    out.extend_from_slice(date.last_lines().as_bytes());
    if let HandlerResponse::Other(response) = response {
        out.extend_from_slice(response.body());
    }
}

fn write_line<const N: usize>(out: &mut Vec<u8>, parts: [&[u8]; N]) {
    for part in parts {
        out.extend_from_slice(part);
    }
    out.extend_from_slice(b"\r\n");
}

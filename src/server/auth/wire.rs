//! Answers as they go over the wire (RFC 9112), always with a length.

use crate::server::auth::{Answer, clock::Clock};

/// What becomes of the connection after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Afterwards {
    /// It is for the next request.
    Open,
    /// It is closed.
    Closed,
}

impl Afterwards {
    /// The line that says so.
    fn line(self) -> &'static [u8] {
        match self {
            Self::Open => b"",
            Self::Closed => b"connection: close\r\n",
        }
    }
}

/// Writes this answer.
pub(super) fn write(answer: &Answer, afterwards: Afterwards, clock: &mut Clock, out: &mut Vec<u8>) {
    match answer {
        Answer::Grant(entry, cache) => {
            out.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
            out.extend_from_slice(entry.identity.lines().as_bytes());
            line(out, [b"x-auth-cache: ", cache.as_str().as_bytes()]);
            line(out, [b"cache-control: no-store\r\ncontent-length: 0"]);
        }
        Answer::Other(response) => {
            let (status, length) = (response.status(), response.body().len().to_string());
            let reason = status.canonical_reason().unwrap_or_default();
            line(out, [b"HTTP/1.1 ", status.as_str().as_bytes(), b" ", reason.as_bytes()]);
            for (name, value) in response.headers() {
                line(out, [name.as_str().as_bytes(), b": ", value.as_bytes()]);
            }
            line(out, [b"content-length: ", length.as_bytes()]);
        }
    }
    out.extend_from_slice(afterwards.line());
    line(out, [b"date: ", clock.date().as_bytes()]);
    line(out, [b""]);
    if let Answer::Other(response) = answer {
        out.extend_from_slice(response.body());
    }
}

fn line<const N: usize>(out: &mut Vec<u8>, parts: [&[u8]; N]) {
    for part in parts {
        out.extend_from_slice(part);
    }
    out.extend_from_slice(b"\r\n");
}

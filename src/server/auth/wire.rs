//! Answers as they go over the wire (RFC 9112), always with a length.

use bytes::Bytes;
use http::Response;

use crate::{
    server::auth::clock::Clock,
    token::{CacheStatus, Identity},
};

/// What becomes of the connection after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Afterwards {
    /// It is for the next request.
    Open,
    /// It is closed.
    Closed,
}

/// Writes the answer that lets this caller in by what was remembered.
pub(super) fn write_hit(identity: &Identity, clock: &mut Clock, out: &mut Vec<u8>) {
    const AFTER: &[u8] = b"\r\ncache-control: no-store\r\ncontent-length: 0\r\ndate: ";
    let parts: [&[u8]; 7] = [
        b"HTTP/1.1 200 OK\r\n",
        identity.lines().as_bytes(),
        b"x-auth-cache: ",
        CacheStatus::Hit.as_str().as_bytes(),
        AFTER,
        clock.date().as_bytes(),
        b"\r\n\r\n",
    ];
    out.reserve(parts.iter().map(|part| part.len()).sum());
    for part in parts {
        out.extend_from_slice(part);
    }
}

/// Writes this answer.
pub(super) fn write(
    response: &Response<Bytes>,
    afterwards: Afterwards,
    clock: &mut Clock,
    out: &mut Vec<u8>,
) {
    let (status, body) = (response.status(), response.body());
    let reason = status.canonical_reason().unwrap_or_default();
    line(out, [b"HTTP/1.1 ", status.as_str().as_bytes(), b" ", reason.as_bytes()]);
    for (name, value) in response.headers() {
        line(out, [name.as_str().as_bytes(), b": ", value.as_bytes()]);
    }
    if afterwards == Afterwards::Closed {
        line(out, [b"connection: close"]);
    }
    line(out, [b"content-length: ", body.len().to_string().as_bytes()]);
    line(out, [b"date: ", clock.date().as_bytes()]);
    line(out, [b""]);
    out.extend_from_slice(body);
}

fn line<const N: usize>(out: &mut Vec<u8>, parts: [&[u8]; N]) {
    for part in parts {
        out.extend_from_slice(part);
    }
    out.extend_from_slice(b"\r\n");
}

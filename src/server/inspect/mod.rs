//! Judges request targets in the bytes of a connection, before hyper reads them.
//!
//! hyper and h2 hand out a parsed URI, from which a fragment is gone. So the stream between the
//! socket and hyper finds each request's head, and marks one whose target is not origin-form in a
//! way that survives parsing: in HTTP/1 the target becomes `*`, in HTTP/2 the request gets the field
//! [`crate::server::target::INVALID_TARGET`]. Everything else passes unchanged.

mod http1;
mod http2;
#[cfg(test)]
mod tests;

use std::{
    io,
    mem::MaybeUninit,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use self::{http1::Http1, http2::Http2};

/// The maximum size of a request's head, in bytes. Caddy lets through about 20 KB.
pub(super) const MAX_HEAD: u32 = 64 * 1024;

/// How a connection in HTTP/2 begins (RFC 9113, 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How much is read at once, in bytes.
const CHUNK: usize = 8 * 1024;

/// A stream out of which hyper reads inspected requests.
pub(super) struct Inspected<I> {
    stream: I,
    inspection: Inspection,
    /// What was inspected and may be read.
    ready: Vec<u8>,
    /// How much of it was read.
    taken: usize,
    ended: bool,
}

/// The inspection of what comes in on one connection.
enum Inspection {
    /// It has not shown yet which protocol it is. These bytes began a preface.
    Undecided(Vec<u8>),
    Http1(Http1),
    Http2(Box<Http2>),
}

impl Inspection {
    fn new() -> Self {
        Self::Undecided(Vec::new())
    }

    /// Inspects these bytes, and appends what may be read to `out`.
    ///
    /// # Errors
    /// If they are not what any peer sends; the connection has to end.
    fn inspect(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Self::Undecided(begun) => {
                begun.extend_from_slice(bytes);
                // The same decision as hyper's, which is made for good.
                if begun.starts_with(PREFACE) {
                    let begun = std::mem::take(begun);
                    let (preface, frames) = begun.split_at(PREFACE.len());
                    out.extend_from_slice(preface);
                    *self = Self::Http2(Box::default());
                    self.inspect(frames, out)
                } else if PREFACE.starts_with(begun) {
                    Ok(())
                } else {
                    let begun = std::mem::take(begun);
                    *self = Self::Http1(Http1::default());
                    self.inspect(&begun, out)
                }
            }
            Self::Http1(http1) => {
                http1.inspect(bytes, out);
                Ok(())
            }
            Self::Http2(http2) => http2.inspect(bytes, out),
        }
    }

    /// Appends what is left when nothing more comes in. It is no whole request.
    fn end(&mut self, out: &mut Vec<u8>) {
        match self {
            Self::Undecided(begun) => out.append(begun),
            Self::Http1(http1) => http1.end(out),
            Self::Http2(http2) => http2.end(out),
        }
    }
}

impl<I> Inspected<I> {
    /// Inspects this stream, out of which nothing was read yet, or whole HTTP/1 requests.
    pub(super) fn new(stream: I) -> Self {
        Self { stream, inspection: Inspection::new(), ready: Vec::new(), taken: 0, ended: false }
    }

    /// Gives out what is ready.
    fn give(&mut self, buffer: &mut ReadBuf<'_>) {
        let rest = &self.ready[self.taken..];
        let length = rest.len().min(buffer.remaining());
        buffer.put_slice(&rest[..length]);
        self.taken += length;
        if self.taken == self.ready.len() {
            self.ready.clear();
            self.ready.shrink_to(CHUNK);
            self.taken = 0;
        }
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Inspected<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        while this.ready.is_empty() && !this.ended {
            let mut chunk = [const { MaybeUninit::uninit() }; CHUNK];
            let mut chunk = ReadBuf::uninit(&mut chunk);
            ready!(Pin::new(&mut this.stream).poll_read(cx, &mut chunk))?;
            if chunk.filled().is_empty() {
                this.ended = true;
                this.inspection.end(&mut this.ready);
            } else {
                this.inspection.inspect(chunk.filled(), &mut this.ready)?;
            }
        }
        this.give(buffer);
        Poll::Ready(Ok(()))
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Inspected<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

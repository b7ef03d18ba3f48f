//! Checks the request targets in the bytes of a connection, before hyper reads them.
//!
//! hyper and h2 provide a parsed URI, without its fragment. The stream between the socket and hyper
//! therefore finds each request head, and marks one whose target is not in origin form in a way
//! that survives parsing: in HTTP/1 the target becomes `*`, in HTTP/2 the request gets the header
//! [`crate::server::target::INVALID_TARGET`]. Everything else is passed on unchanged.

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

use self::{http1::Http1Filter, http2::Http2Filter};

/// The client's connection preface in HTTP/2 (RFC 9113, 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The maximum size of one read, in bytes.
const READ_CHUNK: usize = 8 * 1024;

/// An I/O stream from which hyper reads filtered requests.
pub(super) struct FilteredIo<I> {
    stream: I,
    filter: TargetFilter,
    /// Filtered bytes.
    filtered: Vec<u8>,
    /// Number of the filtered bytes that hyper has read.
    consumed: usize,
    is_eof: bool,
}

/// The filter of the bytes that are read from one connection.
enum TargetFilter {
    /// The protocol has not been detected yet: these bytes are a prefix of the HTTP/2 preface.
    Detecting(Vec<u8>),
    Http1(Http1Filter),
    Http2(Box<Http2Filter>),
}

impl TargetFilter {
    fn new() -> Self {
        Self::Detecting(Vec::new())
    }

    /// Filters these bytes, and appends the result to `out`.
    ///
    /// # Errors
    /// An error if the bytes are invalid and the connection has to be closed.
    fn filter(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Self::Detecting(prefix) => {
                prefix.extend_from_slice(bytes);
                // Detects the protocol as hyper does, once per connection.
                if prefix.starts_with(PREFACE) {
                    let prefix = std::mem::take(prefix);
                    let (preface, frames) = prefix.split_at(PREFACE.len());
                    out.extend_from_slice(preface);
                    *self = Self::Http2(Box::default());
                    self.filter(frames, out)
                } else if PREFACE.starts_with(prefix) {
                    Ok(())
                } else {
                    let prefix = std::mem::take(prefix);
                    *self = Self::Http1(Http1Filter::default());
                    self.filter(&prefix, out)
                }
            }
            Self::Http1(http1) => {
                http1.filter(bytes, out);
                Ok(())
            }
            Self::Http2(http2) => http2.filter(bytes, out),
        }
    }

    /// Appends the buffered bytes at the end of the stream, which are not a whole request.
    fn finish(&mut self, out: &mut Vec<u8>) {
        match self {
            Self::Detecting(prefix) => out.append(prefix),
            Self::Http1(http1) => http1.finish(out),
            Self::Http2(http2) => http2.finish(out),
        }
    }
}

impl<I> FilteredIo<I> {
    /// Wraps a stream from which nothing, or only whole HTTP/1 requests, were read.
    pub(super) fn new(stream: I) -> Self {
        Self {
            stream,
            filter: TargetFilter::new(),
            filtered: Vec::new(),
            consumed: 0,
            is_eof: false,
        }
    }

    /// Copies filtered bytes to the reader's buffer.
    fn read_filtered(&mut self, buffer: &mut ReadBuf<'_>) {
        let rest = &self.filtered[self.consumed..];
        let length = rest.len().min(buffer.remaining());
        buffer.put_slice(&rest[..length]);
        self.consumed += length;
        if self.consumed == self.filtered.len() {
            self.filtered.clear();
            self.filtered.shrink_to(READ_CHUNK);
            self.consumed = 0;
        }
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for FilteredIo<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        while this.filtered.is_empty() && !this.is_eof {
            let mut chunk = [const { MaybeUninit::uninit() }; READ_CHUNK];
            let mut chunk = ReadBuf::uninit(&mut chunk);
            ready!(Pin::new(&mut this.stream).poll_read(cx, &mut chunk))?;
            if chunk.filled().is_empty() {
                this.is_eof = true;
                this.filter.finish(&mut this.filtered);
            } else {
                this.filter.filter(chunk.filled(), &mut this.filtered)?;
            }
        }
        this.read_filtered(buffer);
        Poll::Ready(Ok(()))
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for FilteredIo<I> {
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

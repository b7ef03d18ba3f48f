use std::{
    future::Future,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

use crate::server::pace::Pace;

/// How long a peer may take to close a connection after we have, before it is reset.
const LINGER: Duration = Duration::from_millis(500);

/// A stream that tells its [`Pace`] of the bytes that come in.
pub(super) struct Watched<I> {
    stream: I,
    pace: Arc<Pace>,
    /// What was read before, and is to be read again.
    unread: Vec<u8>,
    /// Ends the time that the peer has to close the connection; set once we have closed our half.
    linger: Option<Pin<Box<Sleep>>>,
}

impl<I> Watched<I> {
    /// Watches this stream.
    pub(super) fn new(stream: I, pace: Arc<Pace>) -> Self {
        Self { stream, pace, unread: Vec::new(), linger: None }
    }

    /// Takes back what was read from it last.
    pub(super) fn unread(&mut self, bytes: Vec<u8>) {
        self.unread = bytes;
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Watched<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.unread.is_empty() {
            let length = self.unread.len().min(buffer.remaining());
            buffer.put_slice(&self.unread[..length]);
            self.unread.drain(..length);
            if self.unread.is_empty() {
                self.unread = Vec::new();
            }
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.pace.bytes_came_in();
        }
        result
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Watched<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        if matches!(written, Poll::Ready(Ok(1..))) {
            self.pace.bytes_went_out();
        }
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        if matches!(written, Poll::Ready(Ok(1..))) {
            self.pace.bytes_went_out();
        }
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// Closes our half, then reads and discards what the peer still sends until it closes its
    /// half. A socket that is closed with unread bytes is reset, and a reset makes the peer lose
    /// an answer that it has not read yet (RFC 9112, 9.6).
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { stream, linger, .. } = &mut *self;
        let linger = if let Some(linger) = linger {
            linger
        } else {
            ready!(Pin::new(&mut *stream).poll_shutdown(cx))?;
            linger.insert(Box::pin(sleep(LINGER)))
        };
        let mut discarded = [0; 4096];
        while linger.as_mut().poll(cx).is_pending() {
            let mut buffer = ReadBuf::new(&mut discarded);
            let read = ready!(Pin::new(&mut *stream).poll_read(cx, &mut buffer));
            if read.is_err() || buffer.filled().is_empty() {
                break;
            }
        }
        Poll::Ready(Ok(()))
    }
}

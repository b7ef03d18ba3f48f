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

use crate::server::connection::activity::ConnectionActivity;

/// The time that a peer has to close its half of the connection after the other half was closed.
const LINGER_TIMEOUT: Duration = Duration::from_millis(500);

/// An I/O stream that reports reads and writes to the connection's [`ConnectionActivity`].
pub(in crate::server) struct TrackedIo<I> {
    stream: I,
    activity: Arc<ConnectionActivity>,
    /// Bytes to replay before reading from the stream.
    rewound: Vec<u8>,
    /// The timer for the peer to close the connection; set once the sending half is closed.
    linger: Option<Pin<Box<Sleep>>>,
}

impl<I> TrackedIo<I> {
    /// Wraps a stream.
    pub(super) fn new(stream: I, activity: Arc<ConnectionActivity>) -> Self {
        Self { stream, activity, rewound: Vec::new(), linger: None }
    }

    /// Puts the bytes that were read last back, to be read again.
    pub(in crate::server) fn rewind(&mut self, bytes: Vec<u8>) {
        self.rewound = bytes;
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for TrackedIo<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.rewound.is_empty() {
            let length = self.rewound.len().min(buffer.remaining());
            buffer.put_slice(&self.rewound[..length]);
            self.rewound.drain(..length);
            if self.rewound.is_empty() {
                self.rewound = Vec::new();
            }
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.activity.on_read();
        }
        result
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> AsyncWrite for TrackedIo<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        if matches!(written, Poll::Ready(Ok(1..))) {
            self.activity.on_write();
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
            self.activity.on_write();
        }
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// Closes the sending half, then reads and discards what the peer sends until it closes its
    /// half. A socket that is closed with unread bytes is reset, and a reset makes the peer lose
    /// a response that it has not read yet (RFC 9112, 9.6).
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { stream, linger, .. } = &mut *self;
        let linger = if let Some(linger) = linger {
            linger
        } else {
            ready!(Pin::new(&mut *stream).poll_shutdown(cx))?;
            linger.insert(Box::pin(sleep(LINGER_TIMEOUT)))
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

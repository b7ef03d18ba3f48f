//! How long a connection may take: a little for the head of a request, longer between requests.
//!
//! hyper has one timeout for both, so either idle connections of a proxy's pool would be cut while
//! it reaches for them, or a client could trickle a head for minutes.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::Duration,
};

use http::Version;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, sleep, sleep_until},
};

/// How long the head of a request may take.
const HEAD: Duration = Duration::from_secs(10);

/// How long a connection may be idle. Longer than a proxy keeps one for reuse (Caddy: 2 minutes),
/// so that it is the proxy that closes.
const IDLE: Duration = Duration::from_mins(3);

/// What a connection is doing, and since when.
pub(super) struct Pace {
    opened: Instant,
    /// Milliseconds from `opened` to the beginning of the head or of the silence.
    since: AtomicU64,
    /// Whether the head of a request is owed or on its way.
    in_head: AtomicBool,
    /// How many requests are being answered.
    answering: AtomicUsize,
    /// HTTP/2 peers send frames of their own between requests; those are no heads.
    http2: AtomicBool,
}

/// A request that is being answered; dropped when it has been, or when its client is gone.
pub(super) struct Answering(Arc<Pace>);

impl Pace {
    /// A connection that has just been opened, and owes the head of a request.
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            opened: Instant::now(),
            since: AtomicU64::new(0),
            in_head: AtomicBool::new(true),
            answering: AtomicUsize::new(0),
            http2: AtomicBool::new(false),
        })
    }

    /// The head of a request has come in whole.
    pub(super) fn answer(self: &Arc<Self>, version: Version) -> Answering {
        self.answering.fetch_add(1, Relaxed);
        self.in_head.store(false, Relaxed);
        if version == Version::HTTP_2 {
            self.http2.store(true, Relaxed);
        }
        Answering(Arc::clone(self))
    }

    /// Returns when the connection has been idle, or at one head, for too long.
    pub(super) async fn overdue(&self) {
        loop {
            let now = Instant::now();
            let mut next = now + HEAD;
            if self.answering.load(Relaxed) == 0 {
                let limit = if self.in_head.load(Relaxed) { HEAD } else { IDLE };
                let end = self.opened + Duration::from_millis(self.since.load(Relaxed)) + limit;
                if end <= now {
                    return;
                }
                next = next.min(end);
            }
            sleep_until(next).await;
        }
    }

    /// Returns once no request has been answered for this long.
    pub(super) async fn quiet(&self, pause: Duration) {
        loop {
            sleep(pause).await;
            if self.answering.load(Relaxed) == 0 {
                return;
            }
        }
    }

    fn bytes_came_in(&self) {
        let between = self.answering.load(Relaxed) == 0 && !self.http2.load(Relaxed);
        if between && !self.in_head.swap(true, Relaxed) {
            self.restart();
        }
    }

    fn restart(&self) {
        let elapsed = u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.since.store(elapsed, Relaxed);
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        if self.0.answering.fetch_sub(1, Relaxed) == 1 {
            self.0.restart();
        }
    }
}

/// A stream that tells its [`Pace`] of the bytes that come in.
pub(super) struct Watched<I> {
    stream: I,
    pace: Arc<Pace>,
}

impl<I> Watched<I> {
    /// Watches this stream.
    pub(super) fn new(stream: I, pace: Arc<Pace>) -> Self {
        Self { stream, pace }
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Watched<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.pace.bytes_came_in();
        }
        result
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Watched<I> {
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::Version;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt, duplex},
        time::{Instant, advance},
    };

    use super::{HEAD, IDLE, Pace, Watched};

    const TICK: Duration = Duration::from_millis(50);

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_sends_nothing_is_given_the_time_of_a_head() {
        let start = Instant::now();
        Pace::new().overdue().await;
        assert!(start.elapsed() >= HEAD && start.elapsed() < HEAD + TICK);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_between_requests_may_be_idle_for_long() {
        let pace = Pace::new();
        drop(pace.answer(Version::HTTP_11));
        let start = Instant::now();
        pace.overdue().await;
        assert!(start.elapsed() >= IDLE && start.elapsed() < IDLE + TICK);
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_trickles_in_is_not_waited_for() {
        let pace = Pace::new();
        drop(pace.answer(Version::HTTP_11));
        advance(IDLE / 2).await;
        let (mut client, server) = duplex(64);
        let mut server = Watched::new(server, pace.clone());
        let start = Instant::now();
        for _ in 0..3 {
            client.write_all(b"G").await.expect("written");
            server.read_u8().await.expect("read");
            advance(Duration::from_secs(3)).await;
        }
        pace.overdue().await;
        assert!(start.elapsed() >= HEAD && start.elapsed() < HEAD + TICK);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_is_being_answered_may_take_its_time() {
        let pace = Pace::new();
        let answering = pace.answer(Version::HTTP_11);
        let start = Instant::now();
        let waited = tokio::time::timeout(10 * IDLE, pace.overdue()).await;
        assert!(waited.is_err() && start.elapsed() >= 10 * IDLE);
        drop(answering);
    }

    #[tokio::test(start_paused = true)]
    async fn the_frames_of_http2_are_no_heads() {
        let pace = Pace::new();
        drop(pace.answer(Version::HTTP_2));
        let (mut client, server) = duplex(64);
        let mut server = Watched::new(server, pace.clone());
        client.write_all(b"ping").await.expect("written");
        server.read_u32().await.expect("read");
        let start = Instant::now();
        pace.overdue().await;
        assert!(start.elapsed() + TICK >= IDLE);
    }
}

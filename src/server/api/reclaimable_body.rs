//! Response bodies whose memory is reclaimed if the client does not read them.

use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::{Instant, sleep_until};
use tokio_util::task::AbortOnDropHandle;
use zeroize::Zeroizing;

use crate::server::api::fair_semaphore::FairPermit;

/// The size of a chunk of a body, in bytes. Over HTTP/2 hyper takes one chunk before the stream's
/// window has room for it, and holds it until the stream ends: chunks are small, so that little of
/// a body cannot be reclaimed.
const CHUNK_SIZE: usize = 4 * 1024;

/// The number of chunks that the client has to read within [`READ_TIMEOUT`], if there are as many.
const MIN_CHUNKS: usize = 4;

/// The time after which a body is reclaimed if the client has read fewer chunks than that.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// Creates a response body with this content. Each byte holds its share of the permit until it is
/// sent. When the client reads too slowly, the chunks that the connection has not taken are
/// dropped, and the body ends in an error. Must be called on the runtime.
pub(super) fn new(content: &[u8], permit: FairPermit) -> Body {
    if content.is_empty() {
        return Body::empty();
    }
    let chunks = split(content, permit);
    let unread = chunks.len();
    let unsent = Arc::new(Mutex::new(UnsentChunks { chunks, unread, progress_at: Instant::now() }));
    let timer = AbortOnDropHandle::new(tokio::spawn(reclaim(Arc::clone(&unsent))));
    Body::new(ReclaimableBody { unsent, remaining: content.len(), _timer: timer })
}

/// Copies the content into chunks, so that no chunk keeps all of it in memory.
fn split(content: &[u8], mut permit: FairPermit) -> VecDeque<Bytes> {
    let chunk = |content: &[u8]| {
        let permit = permit.split(content.len() as u64);
        Bytes::from_owner(Chunk { content: Zeroizing::new(content.to_vec()), _permit: permit })
    };
    content.chunks(CHUNK_SIZE).map(chunk).collect()
}

/// A chunk of a body, dropped once it is sent or reclaimed, or its connection is closed.
struct Chunk {
    content: Zeroizing<Vec<u8>>,
    _permit: FairPermit,
}

impl AsRef<[u8]> for Chunk {
    fn as_ref(&self) -> &[u8] {
        &self.content
    }
}

struct ReclaimableBody {
    unsent: Arc<Mutex<UnsentChunks>>,
    /// Number of bytes that hyper has not taken yet.
    remaining: usize,
    /// The task that checks the timeout: hyper does not poll a body whose client does not read.
    _timer: AbortOnDropHandle<()>,
}

struct UnsentChunks {
    /// Empty once all are taken by hyper or reclaimed.
    chunks: VecDeque<Bytes>,
    /// Number of chunks at `progress_at`.
    unread: usize,
    /// The time of the last sufficient progress of the client, or of the start.
    progress_at: Instant,
}

impl HttpBody for ReclaimableBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.remaining == 0 {
            return Poll::Ready(None);
        }
        let chunk = lock(&self.unsent).next_chunk().ok_or_else(|| {
            io::Error::new(io::ErrorKind::TimedOut, "the client did not read the response")
        });
        self.remaining =
            chunk.as_ref().map_or(0, |chunk| self.remaining.saturating_sub(chunk.len()));
        Poll::Ready(Some(chunk.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.remaining == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.remaining as u64)
    }
}

impl Drop for ReclaimableBody {
    fn drop(&mut self) {
        lock(&self.unsent).chunks.clear();
    }
}

impl UnsentChunks {
    fn next_chunk(&mut self) -> Option<Bytes> {
        let chunk = self.chunks.pop_front()?;
        if self.unread - self.chunks.len() >= MIN_CHUNKS {
            (self.unread, self.progress_at) = (self.chunks.len(), Instant::now());
        }
        Some(chunk)
    }
}

/// Drops the remaining chunks once the client has read too few of them for too long.
async fn reclaim(unsent: Arc<Mutex<UnsentChunks>>) {
    loop {
        let due = lock(&unsent).progress_at + READ_TIMEOUT;
        sleep_until(due).await;
        let mut unsent = lock(&unsent);
        if unsent.progress_at + READ_TIMEOUT <= Instant::now() {
            unsent.chunks.clear();
            return;
        }
    }
}

fn lock(unsent: &Mutex<UnsentChunks>) -> MutexGuard<'_, UnsentChunks> {
    unsent.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::body::Body;
    use bytes::Bytes;
    use futures_util::FutureExt;
    use http_body_util::BodyExt;
    use tokio::time::sleep;

    use super::{CHUNK_SIZE, MIN_CHUNKS, READ_TIMEOUT};
    use crate::server::api::fair_semaphore::{FairSemaphore, Holder};

    fn holder() -> Holder {
        Holder::Tenant("acme".to_owned())
    }

    /// Returns a semaphore with this many permits, and a body of this length that holds all of
    /// them.
    async fn body_with_all_permits(length: usize) -> (Arc<FairSemaphore>, Body) {
        let semaphore = Arc::new(FairSemaphore::new(length as u64, 10));
        let permit = semaphore.acquire(&holder(), length as u64).await.expect("a permit");
        (semaphore, super::new(&vec![b'x'; length], permit))
    }

    /// Returns the number of free permits.
    fn free(semaphore: &Arc<FairSemaphore>, permits: usize) -> usize {
        let free = |amount: &usize| {
            // A holder without a permit may have all free ones.
            let other = Holder::Tenant("globex".to_owned());
            semaphore.acquire(&other, *amount as u64).now_or_never().flatten().is_some()
        };
        (0..=permits).rev().find(free).unwrap_or_default()
    }

    async fn next(body: &mut Body) -> Bytes {
        let frame = body.frame().await.expect("a frame").expect("not reclaimed");
        frame.into_data().expect("data")
    }

    #[tokio::test(start_paused = true)]
    async fn chunk_holds_permits_until_sent() {
        for length in [1, CHUNK_SIZE - 1, CHUNK_SIZE, 2 * CHUNK_SIZE + 1] {
            let (semaphore, mut body) = body_with_all_permits(length).await;
            let mut sent = 0;
            while sent < length {
                let chunk = next(&mut body).await;
                assert_eq!(free(&semaphore, length), sent, "it is not sent yet");
                assert!(!chunk.is_empty() && chunk.iter().all(|&byte| byte == b'x'));
                sent += chunk.len();
                drop(chunk);
                assert_eq!(free(&semaphore, length), sent);
            }
            assert!(body.frame().await.is_none() && sent == length);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn slow_reader_gets_the_whole_body() {
        let (_semaphore, mut body) = body_with_all_permits(5 * MIN_CHUNKS * CHUNK_SIZE).await;
        for _ in 0..5 {
            sleep(READ_TIMEOUT.mul_f64(0.9)).await;
            for _ in 0..MIN_CHUNKS {
                assert_eq!(next(&mut body).await.len(), CHUNK_SIZE);
            }
        }
        assert!(body.frame().await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn unread_body_is_reclaimed() {
        for chunks in [2, 2 * MIN_CHUNKS] {
            let length = chunks * CHUNK_SIZE;
            let (semaphore, mut body) = body_with_all_permits(length).await;
            let first = next(&mut body).await;
            sleep(READ_TIMEOUT.mul_f64(0.9)).await;
            assert_eq!(free(&semaphore, length), 0);
            sleep(READ_TIMEOUT.mul_f64(0.2)).await;
            assert_eq!(
                free(&semaphore, length),
                length - first.len(),
                "all but the chunk that is taken"
            );
            assert!(body.frame().await.is_some_and(|frame| frame.is_err()));
            assert!(body.frame().await.is_none());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn slowly_read_body_is_reclaimed() {
        let (semaphore, mut body) = body_with_all_permits(5 * MIN_CHUNKS * CHUNK_SIZE).await;
        for _ in 1..MIN_CHUNKS {
            sleep(READ_TIMEOUT.mul_f64(0.3)).await;
            drop(next(&mut body).await);
        }
        sleep(READ_TIMEOUT.mul_f64(0.2)).await;
        assert_eq!(free(&semaphore, 5 * MIN_CHUNKS * CHUNK_SIZE), 5 * MIN_CHUNKS * CHUNK_SIZE);
    }

    #[tokio::test]
    async fn dropped_body_releases_its_permits() {
        let (semaphore, body) = body_with_all_permits(3 * CHUNK_SIZE).await;
        drop(body);
        assert_eq!(free(&semaphore, 3 * CHUNK_SIZE), 3 * CHUNK_SIZE);
    }
}

//! Response bodies that are taken back if the client does not read them.

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

/// How much of a body is handed to the connection at once, in bytes. Over HTTP/2 it takes one piece
/// before there is room in the window of the stream, and keeps that for as long as it lasts: a
/// piece is small, so that little of a body cannot be taken back.
const PIECE: usize = 4 * 1024;

/// How many pieces the client has to read within [`PATIENCE`], if there are as many.
const PROGRESS: usize = 4;

/// How long a body is kept of which the client reads less than that.
const PATIENCE: Duration = Duration::from_secs(10);

/// A response body with this content, each byte of which holds its part of the permit until it is
/// sent. Once the client reads too slowly, what the connection did not take yet is taken back:
/// should the client go on, its body ends in an error. To be called on the runtime.
pub(super) fn body(content: &[u8], permit: FairPermit) -> Body {
    if content.is_empty() {
        return Body::empty();
    }
    let pieces = cut(content, permit);
    let unread = pieces.len();
    let unsent = Arc::new(Mutex::new(Unsent { pieces, unread, read_at: Instant::now() }));
    let timer = AbortOnDropHandle::new(tokio::spawn(take_back(Arc::clone(&unsent))));
    Body::new(UnsentBody { unsent, left: content.len(), _timer: timer })
}

/// Copies the content, so that no piece keeps the whole in memory.
fn cut(content: &[u8], mut permit: FairPermit) -> VecDeque<Bytes> {
    let piece = |content: &[u8]| {
        let permit = permit.split(content.len() as u64);
        Bytes::from_owner(Piece { content: Zeroizing::new(content.to_vec()), _permit: permit })
    };
    content.chunks(PIECE).map(piece).collect()
}

/// A part of a body. It is dropped once it is sent, taken back, or its connection has ended.
struct Piece {
    content: Zeroizing<Vec<u8>>,
    _permit: FairPermit,
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.content
    }
}

struct UnsentBody {
    unsent: Arc<Mutex<Unsent>>,
    /// How much is still to come, in bytes.
    left: usize,
    /// hyper does not ask a body for more while its client does not read, so something else has to
    /// look at the time.
    _timer: AbortOnDropHandle<()>,
}

struct Unsent {
    /// None once they are all handed over, or taken back.
    pieces: VecDeque<Bytes>,
    /// How many there were at `read_at`.
    unread: usize,
    /// When the client last made the progress that is wanted, or could have begun to.
    read_at: Instant,
}

impl HttpBody for UnsentBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let piece = lock(&self.unsent).next_piece().ok_or_else(|| {
            io::Error::new(io::ErrorKind::TimedOut, "the client did not read the response")
        });
        self.left = piece.as_ref().map_or(0, |piece| self.left.saturating_sub(piece.len()));
        Poll::Ready(Some(piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left as u64)
    }
}

impl Drop for UnsentBody {
    fn drop(&mut self) {
        lock(&self.unsent).pieces.clear();
    }
}

impl Unsent {
    fn next_piece(&mut self) -> Option<Bytes> {
        let piece = self.pieces.pop_front()?;
        if self.unread - self.pieces.len() >= PROGRESS {
            (self.unread, self.read_at) = (self.pieces.len(), Instant::now());
        }
        Some(piece)
    }
}

/// Drops what is left of a body once the client has read too little of it for too long.
async fn take_back(unsent: Arc<Mutex<Unsent>>) {
    loop {
        let due = lock(&unsent).read_at + PATIENCE;
        sleep_until(due).await;
        let mut unsent = lock(&unsent);
        if unsent.read_at + PATIENCE <= Instant::now() {
            unsent.pieces.clear();
            return;
        }
    }
}

fn lock(unsent: &Mutex<Unsent>) -> MutexGuard<'_, Unsent> {
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

    use super::{PATIENCE, PIECE, PROGRESS, body};
    use crate::server::api::fair_semaphore::{FairSemaphore, Holder};

    fn holder() -> Holder {
        Holder::Tenant("acme".to_owned())
    }

    /// A semaphore of so many permits, and a body of so many bytes that holds them all.
    async fn body_that_holds_all(length: usize) -> (Arc<FairSemaphore>, Body) {
        let semaphore = Arc::new(FairSemaphore::new(length as u64, 10));
        let permit = semaphore.acquire(&holder(), length as u64).await.expect("a permit");
        (semaphore, body(&vec![b'x'; length], permit))
    }

    /// How many of so many permits are free.
    fn free(semaphore: &Arc<FairSemaphore>, permits: usize) -> usize {
        let free = |amount: &usize| {
            // Whoever holds none may have all that are free.
            let other = Holder::Tenant("globex".to_owned());
            semaphore.acquire(&other, *amount as u64).now_or_never().flatten().is_some()
        };
        (0..=permits).rev().find(free).unwrap_or_default()
    }

    async fn next(body: &mut Body) -> Bytes {
        let frame = body.frame().await.expect("a frame").expect("not taken back");
        frame.into_data().expect("data")
    }

    #[tokio::test(start_paused = true)]
    async fn each_piece_holds_its_permits_until_it_is_sent() {
        for length in [1, PIECE - 1, PIECE, 2 * PIECE + 1] {
            let (semaphore, mut body) = body_that_holds_all(length).await;
            let mut sent = 0;
            while sent < length {
                let piece = next(&mut body).await;
                assert_eq!(free(&semaphore, length), sent, "it is not sent yet");
                assert!(!piece.is_empty() && piece.iter().all(|&byte| byte == b'x'));
                sent += piece.len();
                drop(piece);
                assert_eq!(free(&semaphore, length), sent);
            }
            assert!(body.frame().await.is_none() && sent == length);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn slow_reader_gets_the_whole_body() {
        let (_semaphore, mut body) = body_that_holds_all(5 * PROGRESS * PIECE).await;
        for _ in 0..5 {
            sleep(PATIENCE.mul_f64(0.9)).await;
            for _ in 0..PROGRESS {
                assert_eq!(next(&mut body).await.len(), PIECE);
            }
        }
        assert!(body.frame().await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn body_that_is_not_read_is_taken_back() {
        for pieces in [2, 2 * PROGRESS] {
            let length = pieces * PIECE;
            let (semaphore, mut body) = body_that_holds_all(length).await;
            let first = next(&mut body).await;
            sleep(PATIENCE.mul_f64(0.9)).await;
            assert_eq!(free(&semaphore, length), 0);
            sleep(PATIENCE.mul_f64(0.2)).await;
            assert_eq!(free(&semaphore, length), length - first.len(), "all but what is taken");
            assert!(body.frame().await.is_some_and(|frame| frame.is_err()));
            assert!(body.frame().await.is_none());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn body_that_is_read_too_slowly_is_taken_back() {
        let (semaphore, mut body) = body_that_holds_all(5 * PROGRESS * PIECE).await;
        for _ in 1..PROGRESS {
            sleep(PATIENCE.mul_f64(0.3)).await;
            drop(next(&mut body).await);
        }
        sleep(PATIENCE.mul_f64(0.2)).await;
        assert_eq!(free(&semaphore, 5 * PROGRESS * PIECE), 5 * PROGRESS * PIECE);
    }

    #[tokio::test]
    async fn permits_are_given_back_with_a_dropped_body() {
        let (semaphore, body) = body_that_holds_all(3 * PIECE).await;
        drop(body);
        assert_eq!(free(&semaphore, 3 * PIECE), 3 * PIECE);
    }
}

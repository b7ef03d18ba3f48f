//! Response bodies that are taken back if the client does not read them.

use std::{
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

/// How much of a body is handed to the connection at once, in bytes. hyper asks for more only when
/// there is room for it, in the window of an HTTP/2 stream or in the buffer of a connection.
const FRAME: usize = 16 * 1024;

/// How long a body is kept of which the client reads nothing.
const PATIENCE: Duration = Duration::from_secs(10);

/// A response body with this content, which holds the permit until it is handed to the connection.
/// Of a client that reads nothing for [`PATIENCE`] the rest is taken back: should the client go on,
/// its body ends in an error. To be called on the runtime.
pub(super) fn body(content: Bytes, permit: FairPermit) -> Body {
    if content.len() <= FRAME {
        // The connection takes it at once, whatever the client does.
        return Body::from(content);
    }
    let left = content.len();
    let unsent =
        Arc::new(Mutex::new(Unsent { rest: Some((content, permit)), read_at: Instant::now() }));
    let timer = AbortOnDropHandle::new(tokio::spawn(take_back(Arc::clone(&unsent))));
    Body::new(UnsentBody { unsent, left, _timer: timer })
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
    /// `None` once it is all handed over, or taken back.
    rest: Option<(Bytes, FairPermit)>,
    /// When the client last read some of it, or could have begun to.
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
        let frame = lock(&self.unsent).next_frame().ok_or_else(|| {
            io::Error::new(io::ErrorKind::TimedOut, "the client did not read the response")
        });
        self.left = frame.as_ref().map_or(0, |frame| self.left.saturating_sub(frame.len()));
        Poll::Ready(Some(frame.map(Frame::data)))
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
        lock(&self.unsent).rest = None;
    }
}

impl Unsent {
    /// The next part of the body: a copy, so that what the connection holds of it does not keep the
    /// whole in memory.
    fn next_frame(&mut self) -> Option<Bytes> {
        let (rest, _) = self.rest.as_mut()?;
        let frame = rest.split_to(rest.len().min(FRAME));
        let frame = Bytes::from_owner(Zeroizing::new(frame.to_vec()));
        self.read_at = Instant::now();
        if rest.is_empty() {
            self.rest = None;
        }
        Some(frame)
    }
}

/// Drops the rest of a body once the client has read nothing of it for too long.
async fn take_back(unsent: Arc<Mutex<Unsent>>) {
    loop {
        let due = lock(&unsent).read_at + PATIENCE;
        sleep_until(due).await;
        let mut unsent = lock(&unsent);
        if unsent.read_at + PATIENCE <= Instant::now() {
            unsent.rest = None;
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

    use super::{FRAME, PATIENCE, body};
    use crate::server::api::fair_semaphore::{FairSemaphore, Holder};

    const LENGTH: usize = 3 * FRAME + 1;

    fn holder() -> Holder {
        Holder::Tenant("acme".to_owned())
    }

    async fn large_body(semaphore: &Arc<FairSemaphore>) -> Body {
        let permit = semaphore.acquire(&holder(), 1).await.expect("a permit");
        body(Bytes::from(vec![b'x'; LENGTH]), permit)
    }

    fn is_free(semaphore: &Arc<FairSemaphore>) -> bool {
        semaphore.acquire(&holder(), 1).now_or_never().flatten().is_some()
    }

    #[tokio::test(start_paused = true)]
    async fn permit_is_held_until_the_body_is_sent() {
        let semaphore = Arc::new(FairSemaphore::new(1, 10));
        let mut body = large_body(&semaphore).await;
        let mut received = Vec::new();
        while let Some(frame) = body.frame().await {
            received.extend(frame.expect("a frame").into_data().expect("data"));
            assert_eq!(is_free(&semaphore), received.len() == LENGTH);
            // A slow reader is waited for.
            sleep(PATIENCE.mul_f64(0.9)).await;
        }
        assert!(received.len() == LENGTH && received.iter().all(|&byte| byte == b'x'));
    }

    #[tokio::test(start_paused = true)]
    async fn body_that_is_not_read_is_taken_back() {
        let semaphore = Arc::new(FairSemaphore::new(1, 10));
        let mut body = large_body(&semaphore).await;
        assert!(body.frame().await.is_some_and(|frame| frame.is_ok()));
        sleep(PATIENCE.mul_f64(0.9)).await;
        assert!(!is_free(&semaphore));
        sleep(PATIENCE.mul_f64(0.2)).await;
        assert!(is_free(&semaphore));
        assert!(body.frame().await.is_some_and(|frame| frame.is_err()));
        assert!(body.frame().await.is_none());
    }

    #[tokio::test]
    async fn permit_is_given_back_with_a_dropped_body() {
        let semaphore = Arc::new(FairSemaphore::new(1, 10));
        drop(large_body(&semaphore).await);
        assert!(is_free(&semaphore));
    }
}

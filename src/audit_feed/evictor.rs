use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    sync::{mpsc, oneshot},
    time::sleep,
};

use crate::token::{Invalidation, TokenCache};

/// The minimum interval between two invalidations of named tokens. Each reads the whole cache.
const NAMED_INTERVAL: Duration = Duration::from_millis(5);

/// The minimum interval between two invalidations of tokens that are not named: possibly all tokens then
/// have to be looked up again.
const WIDE_INTERVAL: Duration = Duration::from_millis(100);

/// The minimum interval, as a multiple of the time that the last invalidation took, and its maximum.
const REST: (u32, Duration) = (9, WIDE_INTERVAL);

/// Removes tokens from the cache: at once, unless it just did. Then invalidations are collected, so that a
/// flood of them neither keeps the cache busy nor causes a flood of lookups.
pub(super) struct Evictor {
    cache: Arc<TokenCache>,
    named: mpsc::UnboundedSender<QueuedInvalidation>,
    wide: mpsc::UnboundedSender<QueuedInvalidation>,
}

struct QueuedInvalidation {
    invalidation: Invalidation,
    /// Notified when it is done.
    done: oneshot::Sender<()>,
}

impl Evictor {
    /// Starts the tasks of an evictor, which end when it is dropped.
    pub(super) fn start(cache: Arc<TokenCache>) -> Self {
        let lane = |interval| {
            let (sender, queue) = mpsc::unbounded_channel();
            tokio::spawn(invalidate_queued(Arc::clone(&cache), queue, interval));
            sender
        };
        Self { named: lane(NAMED_INTERVAL), wide: lane(WIDE_INTERVAL), cache }
    }

    /// Invalidates. The future completes when the tokens that are named are evicted, or all if none is; if it
    /// is dropped, they are evicted all the same.
    ///
    /// Each revocation also concerns tokens that it does not name, which must not delay the response to it.
    pub(super) fn apply(
        &self,
        invalidation: Invalidation,
    ) -> impl Future<Output = ()> + Send + 'static {
        let (named, wide) = invalidation.split();
        let wide = enqueue(&self.wide, wide);
        let awaited = enqueue(&self.named, named).or(wide);
        let cache = Arc::clone(&self.cache);
        async move {
            if let Some(done) = awaited
                && done.await.is_err()
            {
                // The task has panicked.
                cache.clear();
            }
        }
    }
}

/// Queues an invalidation. Returns the notification when it is done; `None` if it concerns no token.
fn enqueue(
    lane: &mpsc::UnboundedSender<QueuedInvalidation>,
    invalidation: Invalidation,
) -> Option<oneshot::Receiver<()>> {
    if invalidation.is_empty() {
        return None;
    }
    let (done, is_done) = oneshot::channel();
    // If it fails, `done` is dropped, which the receiver sees.
    let _ = lane.send(QueuedInvalidation { invalidation, done });
    Some(is_done)
}

async fn invalidate_queued(
    cache: Arc<TokenCache>,
    mut queue: mpsc::UnboundedReceiver<QueuedInvalidation>,
    interval: Duration,
) {
    while let Some(QueuedInvalidation { mut invalidation, done }) = queue.recv().await {
        let mut waiting = vec![done];
        while let Ok(next) = queue.try_recv() {
            invalidation.merge(next.invalidation);
            waiting.push(next.done);
        }
        let start = Instant::now();
        cache.invalidate(&invalidation);
        let (multiple, maximum) = REST;
        let rest = (start.elapsed() * multiple).clamp(interval, maximum);
        for done in waiting {
            // Fails if nothing waits for it.
            let _ = done.send(());
        }
        sleep(rest).await;
    }
}

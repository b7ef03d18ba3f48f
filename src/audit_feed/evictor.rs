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

/// The minimum interval, as a multiple of the time that the last invalidation took.
const REST: u32 = 9;

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

    /// Invalidates. The future completes when that is done; if it is dropped, it is done all the same.
    pub(super) fn apply(
        &self,
        invalidation: Invalidation,
    ) -> impl Future<Output = ()> + Send + 'static {
        let mut queued = None;
        if !invalidation.is_empty() {
            let lane = if invalidation.is_wide() { &self.wide } else { &self.named };
            let (done, is_done) = oneshot::channel();
            match lane.send(QueuedInvalidation { invalidation, done }) {
                Ok(()) => queued = Some(is_done),
                // The task has panicked.
                Err(_) => self.cache.clear(),
            }
        }
        async move {
            if let Some(is_done) = queued {
                let _ = is_done.await;
            }
        }
    }
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
        let rest = interval.max(start.elapsed() * REST);
        for done in waiting {
            // Fails if nobody waits for it.
            let _ = done.send(());
        }
        sleep(rest).await;
    }
}

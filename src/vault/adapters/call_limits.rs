use tokio::sync::{Semaphore, SemaphorePermit};

use crate::token::LookupPriority;

/// A pool of permits of one kind of request, which no other kind can use.
struct PermitPool {
    /// The requests that may be in flight at once.
    in_flight: Semaphore,
    /// The requests that may be in flight or wait for that.
    queue: Semaphore,
}

/// Limits the requests to Vault that are in flight at once, in three pools, so that a flood of
/// made-up tokens, or of capability requests for valid ones, does not delay lookups of known tokens.
pub(super) struct CallLimits {
    known: PermitPool,
    unknown: PermitPool,
    other: PermitPool,
}

/// The kind of a request, which selects its pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CallKind {
    /// A lookup of a token.
    Lookup(LookupPriority),
    /// Any other request about a known token.
    Other,
}

/// The permit for a request; returned to its pool when it is dropped.
pub(super) struct CallPermit<'c> {
    _in_flight: SemaphorePermit<'c>,
    _queued: SemaphorePermit<'c>,
}

impl CallLimits {
    pub(super) fn new() -> Self {
        Self {
            known: PermitPool::new(256, 8192),
            // Enough to keep Vault busy, and few enough that a lookup of a known token does not
            // wait long behind them in Vault's own queue.
            unknown: PermitPool::new(32, 256),
            other: PermitPool::new(128, 4096),
        }
    }

    /// Waits for a permit; `None` if the queue is full.
    pub(super) async fn acquire(&self, kind: CallKind) -> Option<CallPermit<'_>> {
        let pool = match kind {
            CallKind::Lookup(LookupPriority::Known) => &self.known,
            CallKind::Lookup(LookupPriority::Unknown) => &self.unknown,
            CallKind::Other => &self.other,
        };
        let queued = pool.queue.try_acquire().ok()?;
        let in_flight = pool.in_flight.acquire().await.ok()?;
        Some(CallPermit { _in_flight: in_flight, _queued: queued })
    }
}

impl PermitPool {
    fn new(in_flight: usize, queue: usize) -> Self {
        Self { in_flight: Semaphore::new(in_flight), queue: Semaphore::new(queue) }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::{CallKind, CallLimits};
    use crate::token::LookupPriority::{Known, Unknown};

    /// Returns the number of requests of this kind that get a permit at once, and of those that may
    /// wait for one.
    fn exhaust<'c>(limits: &'c CallLimits, kind: CallKind) -> (usize, usize) {
        let mut permits = Vec::new();
        let mut waiting = Vec::new();
        loop {
            let mut acquired: futures_util::future::BoxFuture<'c, _> =
                Box::pin(limits.acquire(kind));
            match acquired.as_mut().now_or_never() {
                Some(Some(permit)) => permits.push(permit),
                Some(None) => break,
                None => waiting.push(acquired),
            }
        }
        let counts = (permits.len(), waiting.len());
        // They stay in use while the next kind is tried.
        std::mem::forget((permits, waiting));
        counts
    }

    #[test]
    fn kinds_do_not_share_permits() {
        let limits = CallLimits::new();
        assert_eq!(exhaust(&limits, CallKind::Lookup(Unknown)), (32, 224));
        assert_eq!(exhaust(&limits, CallKind::Other), (128, 3968));
        assert_eq!(exhaust(&limits, CallKind::Lookup(Known)), (256, 7936));
    }

    #[tokio::test]
    async fn waiting_call_gets_the_next_permit() {
        let limits = CallLimits::new();
        let mut permits = Vec::new();
        while let Some(Some(permit)) = limits.acquire(CallKind::Lookup(Unknown)).now_or_never() {
            permits.push(permit);
        }
        let mut waits = Box::pin(limits.acquire(CallKind::Lookup(Unknown)));
        assert!(waits.as_mut().now_or_never().is_none());
        permits.pop();
        assert!(waits.await.is_some());
    }
}

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::token::LookupPriority;

/// How many calls about tokens that Vault accepted lately may be under way at once.
const KNOWN: usize = 256;

/// How many lookups of unknown tokens may be under way at once. Enough to keep Vault busy, and few
/// enough that a lookup of a known token does not wait long behind them in Vault's own queue.
const UNKNOWN: usize = 32;

/// How many lookups of unknown tokens may be under way or wait for their turn.
const UNKNOWN_QUEUE: usize = 256;

/// The number of calls that may be made to Vault at once. Those about tokens that are known to be
/// good have capacity that no flood of made-up tokens can take.
pub(super) struct Capacity {
    known: Semaphore,
    unknown: Semaphore,
    queue: Semaphore,
}

/// The right to make a call.
pub(super) struct CallPermit<'c> {
    _call: SemaphorePermit<'c>,
    _queued: Option<SemaphorePermit<'c>>,
}

impl Capacity {
    pub(super) fn new() -> Self {
        Self {
            known: Semaphore::new(KNOWN),
            unknown: Semaphore::new(UNKNOWN),
            queue: Semaphore::new(UNKNOWN_QUEUE),
        }
    }

    /// Waits for a permit; `None` if too many wait already.
    pub(super) async fn acquire(&self, priority: LookupPriority) -> Option<CallPermit<'_>> {
        match priority {
            LookupPriority::Known => {
                let call = self.known.try_acquire().ok()?;
                Some(CallPermit { _call: call, _queued: None })
            }
            LookupPriority::Unknown => {
                let queued = self.queue.try_acquire().ok()?;
                let call = self.unknown.acquire().await.ok()?;
                Some(CallPermit { _call: call, _queued: Some(queued) })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, future::join_all};

    use super::{Capacity, KNOWN, UNKNOWN, UNKNOWN_QUEUE};
    use crate::token::LookupPriority::{Known, Unknown};

    #[tokio::test]
    async fn unknown_tokens_take_no_capacity_from_known_ones() {
        let capacity = Capacity::new();
        let under_way = join_all((0..UNKNOWN).map(|_| capacity.acquire(Unknown))).await;
        assert!(under_way.iter().all(Option::is_some));
        let mut waiting: Vec<_> =
            (UNKNOWN..UNKNOWN_QUEUE).map(|_| Box::pin(capacity.acquire(Unknown))).collect();
        assert!(waiting.iter_mut().all(|one| one.now_or_never().is_none()), "they have to wait");
        assert!(capacity.acquire(Unknown).await.is_none());
        let known = join_all((0..KNOWN).map(|_| capacity.acquire(Known))).await;
        assert!(known.iter().all(Option::is_some));
        assert!(capacity.acquire(Known).await.is_none());
        drop(under_way);
        for waits in waiting {
            assert!(waits.await.is_some(), "its turn has come");
        }
    }
}

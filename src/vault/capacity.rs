use tokio::sync::{Semaphore, SemaphorePermit};

use crate::token::LookupPriority;

/// A part of the calls to Vault, which no other part can take.
struct Share {
    /// How many may be under way at once.
    calls: Semaphore,
    /// How many may be under way or wait for that.
    queue: Semaphore,
}

/// The number of calls that may be made to Vault at once, divided so that a flood of made-up
/// tokens, or of questions about good ones, does not hold up lookups of tokens that are known.
pub(super) struct Capacity {
    known: Share,
    unknown: Share,
    questions: Share,
}

/// What a call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Lookup(LookupPriority),
    /// Anything else about a token that is known.
    Question,
}

/// The right to make a call.
pub(super) struct CallPermit<'c> {
    _call: SemaphorePermit<'c>,
    _queued: SemaphorePermit<'c>,
}

impl Capacity {
    pub(super) fn new() -> Self {
        Self {
            known: Share::new(256, 8192),
            // Enough to keep Vault busy, and few enough that a lookup of a known token does not
            // wait long behind them in Vault's own queue.
            unknown: Share::new(32, 256),
            questions: Share::new(128, 4096),
        }
    }

    /// Waits for a permit; `None` if too many wait already.
    pub(super) async fn acquire(&self, call: Call) -> Option<CallPermit<'_>> {
        let share = match call {
            Call::Lookup(LookupPriority::Known) => &self.known,
            Call::Lookup(LookupPriority::Unknown) => &self.unknown,
            Call::Question => &self.questions,
        };
        let queued = share.queue.try_acquire().ok()?;
        let call = share.calls.acquire().await.ok()?;
        Some(CallPermit { _call: call, _queued: queued })
    }
}

impl Share {
    fn new(calls: usize, queue: usize) -> Self {
        Self { calls: Semaphore::new(calls), queue: Semaphore::new(queue) }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::{Call, Capacity};
    use crate::token::LookupPriority::{Known, Unknown};

    /// How many calls of this kind get a permit at once, and how many more may wait for one.
    fn all_of<'c>(capacity: &'c Capacity, call: Call) -> (usize, usize) {
        let mut permits = Vec::new();
        let mut waiting = Vec::new();
        loop {
            let mut acquired: futures_util::future::BoxFuture<'c, _> =
                Box::pin(capacity.acquire(call));
            match acquired.as_mut().now_or_never() {
                Some(Some(permit)) => permits.push(permit),
                Some(None) => break,
                None => waiting.push(acquired),
            }
        }
        let counts = (permits.len(), waiting.len());
        // They are still held while the next kind is tried.
        std::mem::forget((permits, waiting));
        counts
    }

    #[test]
    fn no_kind_of_call_takes_the_capacity_of_another() {
        let capacity = Capacity::new();
        assert_eq!(all_of(&capacity, Call::Lookup(Unknown)), (32, 224));
        assert_eq!(all_of(&capacity, Call::Question), (128, 3968));
        assert_eq!(all_of(&capacity, Call::Lookup(Known)), (256, 7936));
    }

    #[tokio::test]
    async fn a_call_that_waits_gets_the_next_permit() {
        let capacity = Capacity::new();
        let mut permits = Vec::new();
        while let Some(Some(permit)) = capacity.acquire(Call::Lookup(Unknown)).now_or_never() {
            permits.push(permit);
        }
        let mut waits = Box::pin(capacity.acquire(Call::Lookup(Unknown)));
        assert!(waits.as_mut().now_or_never().is_none());
        permits.pop();
        assert!(waits.await.is_some());
    }
}

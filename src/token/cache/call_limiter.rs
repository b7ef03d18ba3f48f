use std::sync::Arc;

use quick_cache::{
    UnitWeighter,
    sync::{Cache, DefaultLifecycle},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::token::{PrehashedHasher, TokenKey};

/// The maximum number of concurrent calls to Vault for one token, lookups not included.
const MAX_CALLS: usize = 8;

/// The maximum number of tracked tokens. An evicted token starts from zero.
const MAX_TOKENS: usize = 65_536;

/// Limits the concurrent calls to Vault for each token, so that one token cannot use up the
/// capacity.
pub(super) struct CallLimiter(Cache<TokenKey, Arc<Semaphore>, UnitWeighter, PrehashedHasher>);

impl CallLimiter {
    pub(super) fn new() -> Self {
        let (weighter, hasher) = (UnitWeighter, PrehashedHasher::default());
        let capacity = MAX_TOKENS as u64;
        Self(Cache::with(MAX_TOKENS, capacity, weighter, hasher, DefaultLifecycle::default()))
    }

    /// Waits for a permit to call Vault for this token.
    pub(super) async fn acquire(&self, key: TokenKey) -> Option<OwnedSemaphorePermit> {
        let new = || Ok::<_, ()>(Arc::new(Semaphore::new(MAX_CALLS)));
        let permits = self.0.get_or_insert_with(&key, new).ok()?;
        // The semaphore is never closed.
        permits.acquire_owned().await.ok()
    }

    /// Removes the tokens without a call in flight.
    pub(super) fn remove_idle(&self) {
        self.0.retain(|_, permits| Arc::strong_count(permits) > 1);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::{CallLimiter, MAX_CALLS};
    use crate::token::{CacheKeyHasher, Credential};

    #[tokio::test]
    async fn calls_are_limited_per_token() {
        let (limiter, keys) = (CallLimiter::new(), CacheKeyHasher::random());
        let key = |token| keys.key(&Credential::from_text(token).expect("well formed"));
        let mut permits = Vec::new();
        for _ in 0..MAX_CALLS {
            permits.push(limiter.acquire(key("s.one")).await);
        }
        limiter.remove_idle();
        let mut waits = Box::pin(limiter.acquire(key("s.one")));
        assert!(waits.as_mut().now_or_never().is_none());
        assert!(limiter.acquire(key("s.two")).await.is_some());
        permits.pop();
        assert!(waits.await.is_some());
        drop(permits);
        limiter.remove_idle();
        assert_eq!(limiter.0.len(), 0);
    }
}

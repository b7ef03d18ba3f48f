use std::{sync::Arc, time::Duration};

use super::{TokenCache, evictions::EvictionCounter, inner::CacheInner, recent::RecentlyValid};
use crate::token::TokenBackend;

/// The settings of the token cache.
#[derive(Clone, Copy, Debug)]
pub struct CacheSettings {
    /// The maximum freshness lifetime of an entry.
    pub ttl: Duration,
    /// The maximum freshness lifetime of an entry while the feed of changes is complete; at least `ttl`.
    pub ttl_with_feed: Duration,
    /// The time for which a rejection is cached.
    pub negative_ttl: Duration,
    /// The time for which a stale entry may be served while Vault is unavailable. Zero disables it.
    pub stale_grace: Duration,
    /// The maximum number of valid tokens, of rejected tokens, and of capabilities, each. It is fixed
    /// when the cache is created.
    pub capacity: u64,
}

impl CacheInner {
    /// Creates an empty cache.
    pub(super) fn empty(settings: CacheSettings, backend: Arc<dyn TokenBackend>) -> Self {
        let recent = Arc::new(RecentlyValid::new(settings.capacity));
        Self::new(settings, backend, (EvictionCounter::default(), recent))
    }
}

impl TokenCache {
    /// Uses these settings from now on, but for the capacity. What is cached already is used no longer
    /// than they allow; longer lifetimes apply to what is cached from now on.
    pub fn apply(&self, settings: CacheSettings) {
        self.inner.lifetimes.apply(&settings);
    }

    /// Makes new calls to this backend, which has the same results as the one before.
    pub fn replace_backend(&self, backend: Arc<dyn TokenBackend>) {
        self.inner.backend.store(Arc::new(backend));
    }

    /// Creates an empty cache that replaces this one, in front of another backend. It takes over which
    /// tokens were valid recently, and the numbers of evictions.
    #[must_use]
    pub fn successor(&self, settings: CacheSettings, backend: Arc<dyn TokenBackend>) -> Self {
        let Self { keys, inner } = self;
        let lasting = (inner.evictions.clone(), Arc::clone(&inner.recent));
        Self { keys: keys.clone(), inner: Arc::new(CacheInner::new(settings, backend, lasting)) }
    }
}

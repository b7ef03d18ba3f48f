mod audit_hashes;
mod breaker;
mod call_limiter;
mod capabilities;
mod coverage;
mod entry;
mod evictions;
mod fetch;
mod inner;
mod invalidation;
mod invalidation_log;
mod lifetime;
mod lookup;
mod millis;
mod recent;
mod renewals;
mod settings;
mod single_flight;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Instant};

pub use audit_hashes::LookupHashes;
pub use coverage::FeedCoverage;
pub use entry::{CacheStatus, CapabilityLookup, TokenEntry, TokenLookup};
pub use evictions::{EvictionCause, EvictionCounts};
pub use invalidation::{AuditHash, Change, Invalidation};
pub use settings::CacheSettings;

use opentelemetry::trace::FutureExt as _;

use crate::{
    capabilities::Capabilities,
    token::{
        CacheKeyHasher, CallerToken, Credential, TokenBackend, TokenKey, Unavailable, UseOutcome,
        cache::{
            capabilities::Freshness,
            fetch::{spawn_detached, task_failed},
            inner::CacheInner,
            lookup::LookupOutcome,
        },
    },
};

/// The cache of token information and capabilities.
///
/// Decisions are not cached: each request is authorized again from the cached entry.
pub struct TokenCache {
    keys: CacheKeyHasher,
    inner: Arc<CacheInner>,
}

impl TokenCache {
    /// Creates an empty cache in front of a backend.
    #[must_use]
    pub fn new(settings: CacheSettings, backend: Arc<dyn TokenBackend>) -> Self {
        let inner = Arc::new(CacheInner::empty(settings, backend));
        Self { keys: CacheKeyHasher::random(), inner }
    }

    /// Returns the cache key of a credential.
    #[must_use]
    pub fn key(&self, credential: &Credential<'_>) -> TokenKey {
        self.keys.key(credential)
    }

    /// Returns the entry of a valid token that is fresh now. Refreshes it in the background shortly
    /// before it goes stale, so that requests with a token in use never wait for Vault.
    pub fn get(
        &self,
        key: TokenKey,
        credential: &Credential<'_>,
        now: Instant,
    ) -> Option<Arc<TokenEntry>> {
        let (entry, age) = self.inner.get(key, now)?;
        if entry.is_refresh_due(age, now, &self.inner.lifetimes)
            && !self.inner.breaker.is_open()
            && entry.claim_refresh()
            && let Some(token) = credential.token()
        {
            let refresh = Arc::clone(&self.inner).refresh(key, token);
            tokio::spawn(refresh.with_current_context());
        }
        Some(entry)
    }

    /// Looks up a token that has no fresh entry: returns a cached rejection, or calls Vault.
    /// Concurrent lookups of one token are coalesced; each caller waits for its own timeout.
    ///
    /// # Errors
    /// [`Unavailable`] if Vault is unavailable and no stale result may be served.
    pub async fn get_or_fetch(
        &self,
        key: TokenKey,
        token: CallerToken,
    ) -> Result<TokenLookup, Unavailable> {
        if self.inner.is_rejected(key).await {
            return Ok(TokenLookup { entry: None, status: CacheStatus::Hit });
        }
        self.inner.lookup_or_stale(key, token).await
    }

    /// Looks a token up at the active node of Vault, whatever is cached. Only a rejection of a token that was
    /// never valid is returned from the cache, so that an invalid token causes no calls to Vault.
    ///
    /// # Errors
    /// [`Unavailable`] if the active node is unavailable.
    pub async fn fetch_current(
        &self,
        key: TokenKey,
        token: CallerToken,
    ) -> Result<TokenLookup, Unavailable> {
        if !self.was_recently_valid(key) && self.inner.is_rejected(key).await {
            return Ok(TokenLookup { entry: None, status: CacheStatus::Hit });
        }
        let entry = match self.inner.lookup_current(key, token).await {
            LookupOutcome::Valid(entry) => Some(entry),
            LookupOutcome::Rejected => None,
            LookupOutcome::Unavailable(unavailable) => return Err(unavailable),
        };
        Ok(TokenLookup { entry, status: CacheStatus::Miss })
    }

    /// Looks a token up at Vault, ignoring its entry, after Vault has rejected it.
    ///
    /// # Errors
    /// [`Unavailable`] if Vault is unavailable.
    pub async fn refetch(
        &self,
        key: TokenKey,
        credential: &Credential<'_>,
    ) -> Result<TokenLookup, Unavailable> {
        self.inner.remove(key);
        match credential.token() {
            Some(token) => self.get_or_fetch(key, token).await,
            None => Ok(TokenLookup { entry: None, status: CacheStatus::Miss }),
        }
    }

    /// Removes the entry of a token.
    pub fn forget(&self, key: TokenKey) {
        self.inner.remove(key);
    }

    /// Returns true if Vault is known to have accepted this token within the last 24 hours.
    #[must_use]
    pub fn was_recently_valid(&self, key: TokenKey) -> bool {
        self.inner.was_recently_valid(key)
    }

    /// Returns the cached capabilities of the entry's token on this path. Refreshes them in the
    /// background like [`Self::get`]. Stale capabilities are returned only if `status` is stale,
    /// too.
    #[must_use]
    pub fn cached_capabilities(
        &self,
        key: TokenKey,
        credential: &Credential<'_>,
        (entry, status): (&Arc<TokenEntry>, CacheStatus),
        path: &str,
    ) -> Option<Capabilities> {
        let hit = self.inner.cached_capability(entry, path, Instant::now())?;
        match hit.freshness {
            Freshness::Due => self.refresh_capabilities(key, credential, entry, path),
            Freshness::Stale if status != CacheStatus::Stale => return None,
            Freshness::Fresh | Freshness::Stale => {}
        }
        Some(hit.capabilities)
    }

    fn refresh_capabilities(
        &self,
        key: TokenKey,
        credential: &Credential<'_>,
        entry: &Arc<TokenEntry>,
        path: &str,
    ) {
        if self.inner.breaker.is_open() {
            return;
        }
        let Some(token) = credential.token() else { return };
        let (inner, entry) = (Arc::clone(&self.inner), Arc::clone(entry));
        let paths = vec![path.to_owned()];
        // The result is in the cache. After an error the present one stays until it goes stale.
        let refresh =
            async move { drop(inner.fetch_capabilities(key, &entry, token, paths).await) };
        tokio::spawn(refresh.with_current_context());
    }

    /// Fetches the capabilities of the entry's token on these paths from Vault, in the order of the
    /// paths. They are cached as long as a token is.
    ///
    /// # Errors
    /// [`Unavailable`] if Vault is unavailable and no stale result may be served.
    pub async fn fetch_capabilities(
        &self,
        key: TokenKey,
        credential: &Credential<'_>,
        entry: &Arc<TokenEntry>,
        paths: Vec<String>,
    ) -> Result<CapabilityLookup, Unavailable> {
        match credential.token() {
            Some(token) => {
                self.inner.shared_capabilities(key, Arc::clone(entry), token, paths).await
            }
            None => Ok(CapabilityLookup { capabilities: None, status: CacheStatus::Miss }),
        }
    }

    /// Consumes one use of a limited-use token.
    ///
    /// # Errors
    /// [`Unavailable`] if Vault is unavailable. It may have counted the use or not.
    pub async fn consume_use(
        &self,
        key: TokenKey,
        credential: &Credential<'_>,
    ) -> Result<UseOutcome, Unavailable> {
        let Some(token) = credential.token() else { return Ok(UseOutcome::Exhausted) };
        let inner = Arc::clone(&self.inner);
        spawn_detached(async move { inner.consume_use(key, token).await })
            .await
            .unwrap_or_else(|| Err(task_failed()))
    }

    /// Evicts the tokens that changes in Vault concern, and returns their number. A lookup of such a token
    /// that is in flight is not cached.
    pub fn invalidate(&self, invalidation: &Invalidation) -> u64 {
        self.inner.invalidate(invalidation)
    }

    /// Adds the hashes of a token that was looked up with the request of this id.
    pub fn add_audit_hashes(&self, request_id: &str, hashes: LookupHashes) {
        self.inner.add_audit_hashes(request_id, hashes);
    }

    /// Returns the period in which the feed of changes is complete.
    #[must_use]
    pub fn coverage(&self) -> &FeedCoverage {
        self.inner.lifetimes.coverage()
    }

    /// Removes everything.
    pub fn clear(&self) {
        self.inner.clear();
    }

    /// Removes the entries that may no longer be served.
    pub async fn remove_expired(&self) {
        self.inner.remove_expired().await;
    }

    /// Returns the numbers of valid tokens that were removed since the start.
    #[must_use]
    pub fn evictions(&self) -> EvictionCounts {
        self.inner.evictions.total()
    }

    /// Returns the numbers of valid and of rejected tokens.
    pub async fn entry_counts(&self) -> (u64, u64) {
        self.inner.sizes().await
    }
}

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use quick_cache::{UnitWeighter, sync::Cache};

use crate::{
    capabilities::Capabilities,
    token::{
        CallerToken, CapabilitiesResult, Invalidation, PrehashedHasher, ResponseNode, TokenBackend,
        TokenKey, Unavailable, UseOutcome,
        cache::{
            CacheSettings, TokenEntry,
            audit_hashes::HashJoin,
            breaker::CircuitBreaker,
            call_limiter::CallLimiter,
            capabilities::{CapabilityCache, CapabilityHit, CapabilityStamp},
            evictions::{EvictionCause, EvictionCounter},
            invalidation_log::{InvalidationLog, Outdated},
            lifetime::Lifetimes,
            millis::Millis,
            recent::RecentlyValid,
            renewals::Renewals,
            single_flight::SingleFlight,
        },
    },
};

/// The time for which rejections are kept. Longer than the maximum `negative_ttl`, and than any lookup
/// can take, so that a success that arrives later than a rejection cannot overwrite it.
const NEGATIVE_RETENTION: Duration = Duration::from_mins(2);

/// The state shared by the cache and its calls in flight.
pub(super) struct CacheInner {
    pub(super) backend: ArcSwap<Arc<dyn TokenBackend>>,
    /// Valid tokens, while they are fresh or may be served stale.
    pub(super) valid:
        Cache<TokenKey, Arc<TokenEntry>, UnitWeighter, PrehashedHasher, EvictionCounter>,
    pub(super) evictions: EvictionCounter,
    /// Rejected tokens, each with the time of the rejection.
    pub(super) rejected: moka::future::Cache<TokenKey, Instant>,
    pub(super) recent: Arc<RecentlyValid>,
    pub(super) renewals: Renewals,
    capabilities: CapabilityCache,
    pub(super) limiter: CallLimiter,
    pub(super) breaker: CircuitBreaker,
    pub(super) lookups: SingleFlight<TokenKey>,
    pub(super) capability_lookups: SingleFlight<(u64, Vec<String>)>,
    pub(super) lifetimes: Lifetimes,
    pub(super) invalidations: InvalidationLog,
    pub(super) audit_hashes: HashJoin,
    pub(super) entries: AtomicU64,
}

impl CacheInner {
    /// Creates an empty cache that counts evictions and recently valid tokens here.
    pub(super) fn new(
        settings: CacheSettings,
        backend: Arc<dyn TokenBackend>,
        (evictions, recent): (EvictionCounter, Arc<RecentlyValid>),
    ) -> Self {
        let CacheSettings { capacity, .. } = settings;
        let room = usize::try_from(capacity).unwrap_or(usize::MAX);
        let (weighter, hasher) = (UnitWeighter, PrehashedHasher::default());
        let rejected = moka::future::Cache::builder();
        Self {
            backend: ArcSwap::from_pointee(backend),
            valid: Cache::with(room, capacity, weighter, hasher, evictions.clone()),
            evictions,
            rejected: rejected.max_capacity(capacity).time_to_live(NEGATIVE_RETENTION).build(),
            recent,
            renewals: Renewals::new(capacity),
            capabilities: CapabilityCache::new(settings.capacity),
            limiter: CallLimiter::new(),
            breaker: CircuitBreaker::new(),
            lookups: SingleFlight::new(capacity),
            capability_lookups: SingleFlight::new(capacity),
            lifetimes: Lifetimes::new(&settings),
            invalidations: InvalidationLog::default(),
            audit_hashes: HashJoin::new(),
            entries: AtomicU64::new(0),
        }
    }

    pub(super) fn backend(&self) -> Arc<dyn TokenBackend> {
        Arc::clone(&self.backend.load())
    }

    /// Returns the entry of a valid token that is fresh now, and its age.
    pub(super) fn get(&self, key: TokenKey, now: Instant) -> Option<(Arc<TokenEntry>, Millis)> {
        let entry = self.valid.get(&key)?;
        let age = entry.age(now);
        entry.is_fresh(age, now, &self.lifetimes).then_some((entry, age))
    }

    /// Returns the entry that may be served while Vault is unavailable.
    pub(super) fn stale_fallback(&self, key: TokenKey) -> Option<Arc<TokenEntry>> {
        self.valid.get(&key).filter(|entry| entry.is_usable(Instant::now(), &self.lifetimes))
    }

    /// Returns true if Vault is known to have accepted this token within the last 24 hours.
    pub(super) fn was_recently_valid(&self, key: TokenKey) -> bool {
        self.recent.contains(key)
    }

    /// Returns true if a cached rejection of this token still applies.
    pub(super) async fn is_rejected(&self, key: TokenKey) -> bool {
        let since = self.rejected.get(&key).await;
        since.is_some_and(|since| since.elapsed() < self.lifetimes.negative_ttl())
    }

    pub(super) fn remove(&self, key: TokenKey) {
        self.valid.remove(&key);
    }

    /// Caches a rejection and removes the token's entry.
    pub(super) async fn insert_negative(&self, key: TokenKey) {
        self.rejected.insert(key, Instant::now()).await;
        if self.valid.remove(&key).is_some() {
            self.evictions.add(EvictionCause::Rejected, 1);
        }
    }

    pub(super) fn cached_capability(
        &self,
        entry: &TokenEntry,
        path: &str,
        now: Instant,
    ) -> Option<CapabilityHit> {
        self.capabilities.get(entry, path, now, &self.lifetimes)
    }

    /// Fetches the token's capabilities on these paths, and caches them unless there was an
    /// eviction meanwhile. Returns `None` if Vault rejects the token.
    pub(super) async fn fetch_capabilities(
        &self,
        key: TokenKey,
        entry: &TokenEntry,
        token: CallerToken,
        paths: Vec<String>,
    ) -> Result<Option<Arc<[Capabilities]>>, Unavailable> {
        let _permit = self.limiter.acquire(key).await;
        let (fetched_at, generation) = (Instant::now(), self.generation());
        let answer = self.backend().capabilities(token, paths.clone(), self.consistency()).await;
        match answer.inspect_err(|unavailable| self.record_error(unavailable, fetched_at))? {
            CapabilitiesResult::Capabilities(granted, node) => {
                self.breaker.record_response();
                if node == ResponseNode::Any && !self.invalidations.is_settled(entry) {
                    return Err(Outdated.into());
                }
                if entry.is_cacheable(&self.lifetimes)
                    && self.invalidations.is_current(entry, generation)
                {
                    let fresh_for = self.lifetimes.of_capabilities(node, fetched_at);
                    let stamp = CapabilityStamp { fetched_at, fresh_for };
                    self.capabilities.insert(entry, &paths, &granted, stamp);
                }
                Ok(Some(granted))
            }
            CapabilitiesResult::Invalid => {
                self.breaker.record_response();
                self.insert_negative(key).await;
                Ok(None)
            }
        }
    }

    pub(super) async fn consume_use(
        &self,
        key: TokenKey,
        token: CallerToken,
    ) -> Result<UseOutcome, Unavailable> {
        let _permit = self.limiter.acquire(key).await;
        self.backend().consume_use(token).await
    }

    /// Removes the entries that changes concern, and returns their number.
    pub(super) fn invalidate(&self, invalidation: &Invalidation) -> u64 {
        if invalidation.is_all() {
            let tokens = self.valid.len();
            self.clear();
            return u64::try_from(tokens).unwrap_or(u64::MAX);
        }
        self.invalidations.add(invalidation.clone());
        if invalidation.is_about_policies_only() && self.capabilities.is_empty() {
            return 0;
        }
        self.retain(EvictionCause::Revoked, |entry| !invalidation.concerns(entry))
    }

    /// Removes the entries for which `stays` is false, and returns their number.
    fn retain(&self, cause: EvictionCause, stays: impl Fn(&TokenEntry) -> bool) -> u64 {
        let removed = AtomicU64::new(0);
        self.valid.retain(|_, entry| {
            let stays = stays(entry);
            removed.fetch_add(u64::from(!stays), Ordering::Relaxed);
            stays
        });
        let removed = removed.into_inner();
        self.evictions.add(cause, removed);
        removed
    }

    pub(super) fn clear(&self) {
        self.invalidations.add(Invalidation::all());
        let cleared = u64::try_from(self.valid.len()).unwrap_or(u64::MAX);
        self.evictions.add(EvictionCause::Cleared, cleared);
        self.valid.clear();
        self.rejected.invalidate_all();
        self.capabilities.clear();
    }

    /// Removes the entries that may no longer be served.
    pub(super) async fn remove_expired(&self) {
        let now = Instant::now();
        self.retain(EvictionCause::Expired, |entry| entry.is_usable(now, &self.lifetimes));
        self.capabilities.remove_expired(now, &self.lifetimes);
        self.recent.remove_expired();
        self.limiter.remove_idle();
        // moka frees expired entries here.
        self.rejected.run_pending_tasks().await;
    }

    pub(super) async fn sizes(&self) -> (u64, u64) {
        self.remove_expired().await;
        (u64::try_from(self.valid.len()).unwrap_or(u64::MAX), self.rejected.entry_count())
    }

    pub(super) fn generation(&self) -> u64 {
        self.invalidations.generation()
    }
}

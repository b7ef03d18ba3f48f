use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use opentelemetry::trace::FutureExt as _;
use quick_cache::{UnitWeighter, sync::Cache};

use crate::{
    capabilities::Capabilities,
    token::{
        CallerToken, CapabilitiesResult, LookupPriority, LookupResult, PrehashedHasher,
        TokenBackend, TokenKey, Unavailable, UnavailableReason, UseOutcome,
        cache::{
            CacheSettings, TokenEntry,
            breaker::CircuitBreaker,
            call_limiter::CallLimiter,
            capabilities::{CapabilityCache, CapabilityHit},
            entry::FetchStamp,
            evictions::{EvictionCause, EvictionCounter},
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
    pub(super) settings: ArcSwap<CacheSettings>,
    pub(super) backend: ArcSwap<Arc<dyn TokenBackend>>,
    /// Valid tokens, while they are fresh or may be served stale.
    pub(super) valid:
        Cache<TokenKey, Arc<TokenEntry>, UnitWeighter, PrehashedHasher, EvictionCounter>,
    pub(super) evictions: EvictionCounter,
    /// Rejected tokens, each with the time of the rejection.
    rejected: moka::future::Cache<TokenKey, Instant>,
    pub(super) recent: Arc<RecentlyValid>,
    renewals: Renewals,
    pub(super) capabilities: CapabilityCache,
    limiter: CallLimiter,
    pub(super) breaker: CircuitBreaker,
    pub(super) lookups: SingleFlight<TokenKey>,
    pub(super) capability_lookups: SingleFlight<(u64, Vec<String>)>,
    /// The number of evictions, so that a lookup in flight during one is not cached.
    generation: AtomicU64,
    entries: AtomicU64,
}

/// The outcome of a lookup.
#[derive(Clone)]
pub(super) enum LookupOutcome {
    Valid(Arc<TokenEntry>),
    Rejected,
    Unavailable(Unavailable),
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
            settings: ArcSwap::from_pointee(settings),
            backend: ArcSwap::from_pointee(backend),
            valid: Cache::with(room, capacity, weighter, hasher, evictions.clone()),
            evictions,
            rejected: rejected.max_capacity(capacity).time_to_live(NEGATIVE_RETENTION).build(),
            recent,
            renewals: Renewals::new(capacity),
            capabilities: CapabilityCache::new(&settings),
            limiter: CallLimiter::new(),
            breaker: CircuitBreaker::new(),
            lookups: SingleFlight::new(capacity),
            capability_lookups: SingleFlight::new(capacity),
            generation: AtomicU64::new(0),
            entries: AtomicU64::new(0),
        }
    }

    pub(super) fn backend(&self) -> Arc<dyn TokenBackend> {
        Arc::clone(&self.backend.load())
    }

    /// Returns the entry of a valid token that is fresh now, and its age.
    pub(super) fn get(&self, key: TokenKey, now: Instant) -> Option<(Arc<TokenEntry>, Duration)> {
        let entry = self.valid.get(&key)?;
        let age = entry.age(now);
        entry.is_fresh(age).then_some((entry, age))
    }

    /// Returns the entry that may be served while Vault is unavailable.
    pub(super) fn stale_fallback(&self, key: TokenKey) -> Option<Arc<TokenEntry>> {
        self.valid.get(&key).filter(|entry| entry.is_usable(Instant::now()))
    }

    /// Returns true if Vault is known to have accepted this token within the last 24 hours.
    pub(super) fn was_recently_valid(&self, key: TokenKey) -> bool {
        self.recent.contains(key)
    }

    /// Returns true if a cached rejection of this token still applies.
    pub(super) async fn is_rejected(&self, key: TokenKey) -> bool {
        let since = self.rejected.get(&key).await;
        since.is_some_and(|since| since.elapsed() < self.settings.load().negative_ttl)
    }

    /// Looks a token up unless another caller's lookup has cached a result since generation
    /// `since`.
    pub(super) async fn lookup_if_absent(
        &self,
        key: TokenKey,
        token: CallerToken,
        since: u64,
    ) -> LookupOutcome {
        if self.is_rejected(key).await {
            return LookupOutcome::Rejected;
        }
        match self.get(key, Instant::now()) {
            Some((entry, _)) if entry.generation >= since => LookupOutcome::Valid(entry),
            _ => self.lookup(key, token).await,
        }
    }

    pub(super) async fn lookup(&self, key: TokenKey, token: CallerToken) -> LookupOutcome {
        let before = self.valid.peek(&key);
        let new_id = || self.entries.fetch_add(1, Ordering::Relaxed);
        let mut stamp = FetchStamp {
            fetched_at: Instant::now(),
            id: before.as_ref().map_or_else(new_id, |entry| entry.id),
            generation: self.generation(),
        };
        let priority = if before.is_some() || self.was_recently_valid(key) {
            LookupPriority::Known
        } else {
            LookupPriority::Unknown
        };
        match self.lookup_and_renew(token, priority).await {
            Ok(LookupResult::Active(info)) => {
                self.breaker.record_response();
                self.recent.add(key);
                let changed =
                    |entry: &Arc<TokenEntry>| !entry.identity.policies().eq(info.policies());
                if before.as_ref().is_some_and(changed) {
                    stamp.id = new_id();
                }
                let entry = Arc::new(TokenEntry::new(*info, stamp, &self.settings.load()));
                self.insert_if_current(key, &entry).await;
                LookupOutcome::Valid(entry)
            }
            Ok(LookupResult::Invalid) => {
                self.breaker.record_response();
                self.insert_negative(key).await;
                LookupOutcome::Rejected
            }
            Err(unavailable) => {
                self.record_error(&unavailable, stamp.fetched_at);
                LookupOutcome::Unavailable(unavailable)
            }
        }
    }

    /// Looks a token up. If it is a session that is about to expire, renews it in the background. The
    /// information is valid no longer than the credential with the token.
    async fn lookup_and_renew(
        &self,
        token: CallerToken,
        priority: LookupPriority,
    ) -> Result<LookupResult, Unavailable> {
        let expiry = token.credential_expiry();
        let mut result = self.backend().lookup(token.clone(), priority).await?;
        if let LookupResult::Active(info) = &result
            && token.is_session()
            && self.renewals.begin(info).await
        {
            let backend = self.backend();
            let renewal = async move {
                if let Err(unavailable) = backend.renew(token).await {
                    tracing::debug!(%unavailable.detail, "a session was not renewed");
                }
            };
            tokio::spawn(renewal.with_current_context());
        }
        if let (LookupResult::Active(info), Some(expiry)) = (&mut result, expiry) {
            info.expiry = info.expiry.not_after(expiry);
        }
        Ok(result)
    }

    /// Records an error within the timeout as a response of Vault, unless Vault was not called.
    fn record_error(&self, unavailable: &Unavailable, fetched_at: Instant) {
        let was_called = !matches!(
            unavailable.reason,
            UnavailableReason::Overloaded | UnavailableReason::NotReady
        );
        if was_called && fetched_at.elapsed() < self.backend().timeout() {
            self.breaker.record_response();
        }
    }

    /// Caches an entry unless an eviction or a rejection happened since its lookup began.
    ///
    /// An eviction increments the generation before it removes entries. So either it removes this
    /// entry, or the changed generation is seen here. A rejection that another call got meanwhile
    /// is newer.
    async fn insert_if_current(&self, key: TokenKey, entry: &Arc<TokenEntry>) {
        if !self.is_current(key, entry).await {
            self.remove(key);
            return;
        }
        let newer = self.valid.peek(&key).filter(|known| known.fetched_at > entry.fetched_at);
        if newer.is_none() {
            self.valid.insert(key, Arc::clone(entry));
            // They may have changed since the entry was created.
            entry.limit_lifetimes(&self.settings.load());
        }
        if !self.is_current(key, entry).await {
            self.remove(key);
        }
    }

    /// Returns true if there was no eviction and no rejection since the entry's lookup began.
    async fn is_current(&self, key: TokenKey, entry: &TokenEntry) -> bool {
        let rejected = self.rejected.get(&key).await.is_some_and(|since| since >= entry.fetched_at);
        entry.is_cacheable() && entry.generation == self.generation() && !rejected
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
        self.capabilities.get(entry, path, now)
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
        let answer = self.backend().capabilities(token, paths.clone()).await;
        match answer.inspect_err(|unavailable| self.record_error(unavailable, fetched_at))? {
            CapabilitiesResult::Capabilities(granted) => {
                self.breaker.record_response();
                if entry.is_cacheable() && generation == self.generation() {
                    self.capabilities.insert(entry, &paths, &granted, fetched_at);
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

    /// Removes the entries that match, and returns their number.
    pub(super) fn evict(&self, matches: impl Fn(&TokenEntry) -> bool) -> usize {
        self.generation.fetch_add(1, Ordering::SeqCst);
        let evicted = self.retain(EvictionCause::Revoked, |entry| !matches(entry));
        usize::try_from(evicted).unwrap_or(usize::MAX)
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
        self.generation.fetch_add(1, Ordering::SeqCst);
        let cleared = u64::try_from(self.valid.len()).unwrap_or(u64::MAX);
        self.evictions.add(EvictionCause::Cleared, cleared);
        self.valid.clear();
        self.rejected.invalidate_all();
        self.capabilities.clear();
    }

    /// Removes the entries that may no longer be served.
    pub(super) async fn remove_expired(&self) {
        let now = Instant::now();
        self.retain(EvictionCause::Expired, |entry| entry.is_usable(now));
        self.capabilities.remove_expired(now);
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
        self.generation.load(Ordering::SeqCst)
    }
}

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use moka::future::Cache;

use crate::token::{
    Authority, Capabilities, Cause, Facts, Granted, PathsKey, Spent, Token, TokenKey, Unavailable,
    Verdict,
    cache::{
        CacheSettings, CacheStatus, Known,
        entry::{Entry, OnPaths, Question, Until},
    },
};

/// What all questions that are under way write into.
pub(super) struct Shared {
    settings: CacheSettings,
    authority: Arc<dyn Authority>,
    live: Cache<TokenKey, Arc<Entry>>,
    refused: Cache<TokenKey, ()>,
    /// Entries past their time, for the grace. `None` where there is none.
    stale: Option<Cache<TokenKey, Arc<Entry>>>,
    granted: Cache<PathsKey, OnPaths>,
    /// Counts evictions, so that an answer which was on its way during one is not kept.
    generation: AtomicU64,
    entries: AtomicU64,
}

/// An answer that concurrent callers share and that is not remembered as live.
enum NotKept<T> {
    Refused,
    Once(T),
    Unavailable(Unavailable),
}

impl Shared {
    pub(super) fn new(settings: CacheSettings, authority: Arc<dyn Authority>) -> Self {
        let CacheSettings { negative_ttl, stale_grace, capacity, .. } = settings;
        let entries = |end: fn(&Arc<Entry>) -> Instant| {
            Cache::builder().max_capacity(capacity).expire_after(Until(end)).build()
        };
        let granted: fn(&OnPaths) -> Instant = |granted| granted.until;
        Self {
            settings,
            authority,
            live: entries(|entry| entry.fresh_until),
            refused: Cache::builder().max_capacity(capacity).time_to_live(negative_ttl).build(),
            stale: (!stale_grace.is_zero()).then(|| entries(|entry| entry.usable_until)),
            granted: Cache::builder().max_capacity(capacity).expire_after(Until(granted)).build(),
            generation: AtomicU64::new(0),
            entries: AtomicU64::new(0),
        }
    }

    pub(super) async fn recall(&self, key: TokenKey, now: Instant) -> Option<Arc<Entry>> {
        let entry = self.live.get(&key).await?;
        // The cache's own clock for an entry starts when it is put in, a moment after Vault was
        // asked; this one did then.
        if entry.is_fresh(now) {
            return Some(entry);
        }
        self.live.invalidate(&key).await;
        None
    }

    pub(super) fn is_refused(&self, key: TokenKey) -> bool {
        self.refused.contains_key(&key)
    }

    pub(super) async fn ask(
        self: Arc<Self>,
        key: TokenKey,
        token: Token,
    ) -> Result<Known, Unavailable> {
        let arrived = self.generation.load(Ordering::SeqCst);
        let mut answer = self.live.try_get_with(key, self.look_up(key, token.clone())).await;
        if let Ok(entry) = &answer
            && entry.generation < arrived
        {
            // Vault had been asked before an eviction that came before this request.
            self.live.invalidate(&key).await;
            answer = self.live.try_get_with(key, self.look_up(key, token)).await;
        }
        let known = |entry| Ok(Known { entry, status: CacheStatus::Miss });
        match answer.as_ref().map_err(Arc::as_ref) {
            Ok(entry) => {
                self.keep_unless_evicted(key, entry).await;
                known(Some(Arc::clone(entry)))
            }
            Err(NotKept::Once(entry)) => known(Some(Arc::clone(entry))),
            Err(NotKept::Refused) => known(None),
            Err(NotKept::Unavailable(unavailable)) => match self.grace(key, unavailable).await {
                Some(entry) => Ok(Known { entry: Some(entry), status: CacheStatus::Stale }),
                None => Err(unavailable.clone()),
            },
        }
    }

    /// Asks for a token that is still fresh. If Vault gives no word, that stays so until its time.
    pub(super) async fn recheck(self: Arc<Self>, key: TokenKey, token: Token) {
        match self.look_up(key, token).await {
            Ok(entry) => {
                self.live.insert(key, Arc::clone(&entry)).await;
                self.keep_unless_evicted(key, &entry).await;
            }
            Err(NotKept::Refused | NotKept::Once(_)) => self.forget(key).await,
            Err(NotKept::Unavailable(_)) => {}
        }
    }

    async fn look_up(
        &self,
        key: TokenKey,
        token: Token,
    ) -> Result<Arc<Entry>, NotKept<Arc<Entry>>> {
        // Another caller may have been refused since this one looked.
        if self.is_refused(key) {
            return Err(NotKept::Refused);
        }
        let question = Question {
            asked: Instant::now(),
            number: self.entries.fetch_add(1, Ordering::Relaxed),
            generation: self.generation.load(Ordering::SeqCst),
        };
        let facts = match self.authority.lookup(token).await.map_err(NotKept::Unavailable)? {
            Verdict::Live(facts) => *facts,
            Verdict::Invalid => {
                self.refuse(key).await;
                return Err(NotKept::Refused);
            }
        };
        let entry = Arc::new(Entry::new(facts, question, &self.settings));
        if entry.may_be_kept() { Ok(entry) } else { Err(NotKept::Once(entry)) }
    }

    /// An eviction counts up first and removes then. Either it removes this entry, or the count
    /// is seen here to have changed since Vault was asked. Likewise a refusal that came meanwhile,
    /// to another question, is the later word.
    async fn keep_unless_evicted(&self, key: TokenKey, entry: &Arc<Entry>) {
        if let Some(stale) = &self.stale {
            stale.insert(key, Arc::clone(entry)).await;
        }
        let evicted = entry.generation != self.generation.load(Ordering::SeqCst);
        if evicted || self.is_refused(key) {
            self.forget(key).await;
        }
    }

    pub(super) async fn forget(&self, key: TokenKey) {
        self.live.invalidate(&key).await;
        if let Some(stale) = &self.stale {
            stale.invalidate(&key).await;
        }
    }

    pub(super) async fn refuse(&self, key: TokenKey) {
        self.refused.insert(key, ()).await;
        if let Some(stale) = &self.stale {
            stale.invalidate(&key).await;
        }
    }

    /// The entry that may serve although it is past its time: only while Vault is unreachable or
    /// failing, not while it refuses this service.
    async fn grace(&self, key: TokenKey, unavailable: &Unavailable) -> Option<Arc<Entry>> {
        let failing = unavailable.cause != Cause::NotReady;
        let entry = self.stale.as_ref().filter(|_| failing)?.get(&key).await?;
        (Instant::now() < entry.usable_until).then_some(entry)
    }

    pub(super) async fn granted(&self, key: PathsKey) -> Option<Arc<[Capabilities]>> {
        let granted = self.granted.get(&key).await?;
        (Instant::now() < granted.until).then_some(granted.capabilities)
    }

    pub(super) async fn ask_paths(
        self: Arc<Self>,
        key: TokenKey,
        paths_key: PathsKey,
        entry: Arc<Entry>,
        token: Token,
        paths: Vec<String>,
    ) -> Result<Option<Arc<[Capabilities]>>, Unavailable> {
        let question = self.ask_capabilities(&entry, token, paths);
        let answer = self.granted.try_get_with(paths_key, question).await;
        match answer.as_ref().map_err(Arc::as_ref) {
            Ok(granted) | Err(NotKept::Once(granted)) => {
                Ok(Some(Arc::clone(&granted.capabilities)))
            }
            Err(NotKept::Refused) => {
                self.refuse(key).await;
                self.live.invalidate(&key).await;
                Ok(None)
            }
            Err(NotKept::Unavailable(unavailable)) => Err(unavailable.clone()),
        }
    }

    async fn ask_capabilities(
        &self,
        entry: &Entry,
        token: Token,
        paths: Vec<String>,
    ) -> Result<OnPaths, NotKept<OnPaths>> {
        let answer = self.authority.capabilities(token, paths).await;
        let capabilities = match answer.map_err(NotKept::Unavailable)? {
            Granted::Capabilities(capabilities) => capabilities,
            Granted::Invalid => return Err(NotKept::Refused),
        };
        let granted = OnPaths { capabilities, until: entry.usable_until };
        if entry.may_be_kept() { Ok(granted) } else { Err(NotKept::Once(granted)) }
    }

    pub(super) async fn spend(&self, token: Token) -> Result<Spent, Unavailable> {
        self.authority.spend(token).await
    }

    pub(super) async fn evict(&self, matches: impl Fn(&Facts) -> bool + Send) -> usize {
        self.generation.fetch_add(1, Ordering::SeqCst);
        let mut evicted = 0;
        for cache in [Some(&self.live), self.stale.as_ref()].into_iter().flatten() {
            let matching: Vec<TokenKey> = cache
                .iter()
                .filter(|(_, entry)| matches(&entry.facts))
                .map(|(key, _)| *key)
                .collect();
            for key in &matching {
                cache.invalidate(key).await;
            }
            evicted = evicted.max(matching.len());
        }
        evicted
    }

    pub(super) fn clear(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
        self.live.invalidate_all();
        self.refused.invalidate_all();
        self.granted.invalidate_all();
        if let Some(stale) = &self.stale {
            stale.invalidate_all();
        }
    }

    pub(super) async fn sizes(&self) -> (u64, u64) {
        // The counts lag behind until then, and a quiet cache would never catch up.
        self.live.run_pending_tasks().await;
        self.refused.run_pending_tasks().await;
        (self.live.entry_count(), self.refused.entry_count())
    }
}

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use quick_cache::{
    UnitWeighter,
    sync::{Cache, DefaultLifecycle},
};

use crate::token::{
    Authority, Capabilities, Cause, Granted, Place, Spent, Token, TokenKey, Unavailable, Verdict,
    cache::{
        CacheSettings, CacheStatus, Entry, Known, entry::Question, flights::Flights,
        granted::GrantedOnPaths,
    },
};

/// Longer than any answer may be on its way: so long it is known that a token was refused since.
const SLOWEST: Duration = Duration::from_mins(2);

/// What all questions that are under way write into.
pub(super) struct Shared {
    settings: CacheSettings,
    authority: Arc<dyn Authority>,
    /// Live tokens, as long as they are fresh or may serve while Vault is out of reach.
    live: Cache<TokenKey, Arc<Entry>, UnitWeighter, Place>,
    /// Refused tokens, each with when that became known.
    refused: moka::future::Cache<TokenKey, Instant>,
    granted: GrantedOnPaths,
    lookups: Flights<TokenKey>,
    grants: Flights<(u64, Vec<String>)>,
    /// Counts evictions, so that an answer which was on its way during one is not kept.
    generation: AtomicU64,
    entries: AtomicU64,
}

/// What became of a lookup.
enum Outcome {
    Live(Arc<Entry>),
    Refused,
    Unavailable(Unavailable),
}

impl Shared {
    pub(super) fn new(settings: CacheSettings, authority: Arc<dyn Authority>) -> Self {
        let CacheSettings { negative_ttl, capacity, .. } = settings;
        let room = usize::try_from(capacity).unwrap_or(usize::MAX);
        let refused = moka::future::Cache::builder();
        Self {
            settings,
            authority,
            live: Cache::with(
                room,
                capacity,
                UnitWeighter,
                Place::default(),
                DefaultLifecycle::default(),
            ),
            refused: refused.max_capacity(capacity).time_to_live(negative_ttl.max(SLOWEST)).build(),
            granted: GrantedOnPaths::new(room),
            lookups: Flights::new(capacity),
            grants: Flights::new(capacity),
            generation: AtomicU64::new(0),
            entries: AtomicU64::new(0),
        }
    }

    pub(super) fn recall(&self, key: TokenKey, now: Instant) -> Option<Arc<Entry>> {
        self.live.get(&key).filter(|entry| entry.is_fresh(now))
    }

    /// Whether a refusal of it is to be repeated.
    pub(super) async fn is_refused(&self, key: TokenKey) -> bool {
        let since = self.refused.get(&key).await;
        since.is_some_and(|since| since.elapsed() < self.settings.negative_ttl)
    }

    pub(super) async fn ask(
        self: Arc<Self>,
        key: TokenKey,
        token: Token,
    ) -> Result<Known, Unavailable> {
        let arrived = self.generation();
        let question = || self.look_up_unless_known(key, token.clone(), arrived);
        let mut outcome = self.lookups.join(key, question()).await;
        if let Outcome::Live(entry) = &*outcome
            && entry.generation < arrived
        {
            // Vault had been asked before an eviction that came before this request.
            outcome = self.lookups.join(key, question()).await;
        }
        let known = |entry, status| Ok(Known { entry, status });
        match &*outcome {
            Outcome::Live(entry) => known(Some(Arc::clone(entry)), CacheStatus::Miss),
            Outcome::Refused => known(None, CacheStatus::Miss),
            Outcome::Unavailable(unavailable) => match self.grace(key, unavailable) {
                Some(entry) => known(Some(entry), CacheStatus::Stale),
                None => Err(unavailable.clone()),
            },
        }
    }

    /// Asks for a token that is still fresh. If Vault gives no word, that stays so until its time.
    pub(super) async fn recheck(self: Arc<Self>, key: TokenKey, token: Token) {
        self.look_up(key, token).await;
    }

    /// Another caller may have had the answer since this one looked.
    async fn look_up_unless_known(&self, key: TokenKey, token: Token, arrived: u64) -> Outcome {
        if self.is_refused(key).await {
            return Outcome::Refused;
        }
        match self.recall(key, Instant::now()) {
            Some(entry) if entry.generation >= arrived => Outcome::Live(entry),
            _ => self.look_up(key, token).await,
        }
    }

    async fn look_up(&self, key: TokenKey, token: Token) -> Outcome {
        let question = Question {
            asked: Instant::now(),
            number: self.entries.fetch_add(1, Ordering::Relaxed),
            generation: self.generation(),
        };
        match self.authority.lookup(token).await {
            Ok(Verdict::Live(facts)) => {
                let entry = Arc::new(Entry::new(*facts, question, &self.settings));
                self.keep(key, &entry).await;
                Outcome::Live(entry)
            }
            Ok(Verdict::Invalid) => {
                self.refuse(key).await;
                Outcome::Refused
            }
            Err(unavailable) => Outcome::Unavailable(unavailable),
        }
    }

    /// An eviction counts up first and removes then. Either it removes this entry, or the count
    /// is seen here to have changed since Vault was asked. Likewise a refusal that came meanwhile,
    /// to another question, is the later word.
    async fn keep(&self, key: TokenKey, entry: &Arc<Entry>) {
        if !self.stands(key, entry).await {
            self.forget(key);
            return;
        }
        let newer = self.live.peek(&key).filter(|known| known.asked > entry.asked);
        if newer.is_none() {
            self.live.insert(key, Arc::clone(entry));
        }
        if !self.stands(key, entry).await {
            self.forget(key);
        }
    }

    /// Whether nothing has come to be known that speaks against what this entry says.
    async fn stands(&self, key: TokenKey, entry: &Entry) -> bool {
        let refused = self.refused.get(&key).await.is_some_and(|since| since >= entry.asked);
        entry.may_be_kept() && entry.generation == self.generation() && !refused
    }

    pub(super) fn forget(&self, key: TokenKey) {
        self.live.remove(&key);
    }

    pub(super) async fn refuse(&self, key: TokenKey) {
        self.refused.insert(key, Instant::now()).await;
        self.forget(key);
    }

    /// The entry that may serve although it is past its time: only while Vault is unreachable or
    /// failing, not while it refuses this service or is asked too much.
    fn grace(&self, key: TokenKey, unavailable: &Unavailable) -> Option<Arc<Entry>> {
        if !matches!(unavailable.cause, Cause::Vault | Cause::Sealed) {
            return None;
        }
        self.live.get(&key).filter(|entry| entry.is_usable(Instant::now()))
    }

    pub(super) fn granted(&self, entry: &Entry, path: &str) -> Option<Capabilities> {
        self.granted.on(entry, path)
    }

    pub(super) async fn ask_paths(
        self: Arc<Self>,
        key: TokenKey,
        entry: Arc<Entry>,
        token: Token,
        paths: Vec<String>,
    ) -> Result<Option<Arc<[Capabilities]>>, Unavailable> {
        let question = (entry.number, paths.clone());
        let answer = self.grants.join(question, self.ask_unless_known(&entry, token, paths));
        match &*answer.await {
            Ok(Granted::Capabilities(granted)) => Ok(Some(Arc::clone(granted))),
            Ok(Granted::Invalid) => {
                self.refuse(key).await;
                Ok(None)
            }
            Err(unavailable) => Err(unavailable.clone()),
        }
    }

    /// Another caller may have had the answer since this one looked.
    async fn ask_unless_known(
        &self,
        entry: &Entry,
        token: Token,
        paths: Vec<String>,
    ) -> Result<Granted, Unavailable> {
        let known: Option<Arc<[_]>> = paths.iter().map(|path| self.granted(entry, path)).collect();
        if let Some(known) = known {
            return Ok(Granted::Capabilities(known));
        }
        let answer = self.authority.capabilities(token, paths.clone()).await?;
        if let Granted::Capabilities(granted) = &answer
            && entry.may_be_kept()
        {
            self.granted.keep(entry, &paths, granted);
        }
        Ok(answer)
    }

    pub(super) async fn spend(&self, token: Token) -> Result<Spent, Unavailable> {
        self.authority.spend(token).await
    }

    pub(super) fn evict(&self, matches: impl Fn(&Entry) -> bool) -> usize {
        self.generation.fetch_add(1, Ordering::SeqCst);
        let evicted = AtomicU64::new(0);
        self.live.retain(|_, entry| {
            let stays = !matches(entry);
            evicted.fetch_add(u64::from(!stays), Ordering::Relaxed);
            stays
        });
        usize::try_from(evicted.into_inner()).unwrap_or(usize::MAX)
    }

    pub(super) fn clear(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
        self.live.clear();
        self.refused.invalidate_all();
        self.granted.clear();
    }

    /// Lets go of what can serve no more.
    pub(super) fn drop_ended(&self) {
        let now = Instant::now();
        self.live.retain(|_, entry| entry.is_usable(now));
        self.granted.drop_ended(now);
    }

    pub(super) async fn sizes(&self) -> (u64, u64) {
        self.drop_ended();
        // Its count lags behind until then, and a quiet cache would never catch up.
        self.refused.run_pending_tasks().await;
        (u64::try_from(self.live.len()).unwrap_or(u64::MAX), self.refused.entry_count())
    }

    fn generation(&self) -> u64 {
        self.generation.load(Ordering::SeqCst)
    }
}

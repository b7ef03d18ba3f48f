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

use crate::{
    capabilities::Capabilities,
    token::{
        Authority, Cause, Granted, LookupPriority, Place, Spent, Token, TokenKey, Unavailable,
        Verdict,
        cache::{
            CacheSettings, Entry,
            breaker::CircuitBreaker,
            entry::Question,
            flights::Flights,
            granted::{GrantedOnPaths, Recalled},
            questions::Questions,
            recent::RecentlyValid,
        },
    },
};

/// Longer than any answer may be on its way: so long it is known that a token was refused since.
const SLOWEST: Duration = Duration::from_mins(2);

/// What all questions that are under way write into.
pub(super) struct Shared {
    pub(super) settings: CacheSettings,
    pub(super) authority: Arc<dyn Authority>,
    /// Live tokens, as long as they are fresh or may serve while Vault is out of reach.
    live: Cache<TokenKey, Arc<Entry>, UnitWeighter, Place>,
    /// Refused tokens, each with when that became known.
    refused: moka::future::Cache<TokenKey, Instant>,
    recent: RecentlyValid,
    granted: GrantedOnPaths,
    questions: Questions,
    pub(super) breaker: CircuitBreaker,
    pub(super) lookups: Flights<TokenKey>,
    pub(super) grants: Flights<(u64, Vec<String>)>,
    /// Counts evictions, so that an answer which was on its way during one is not kept.
    generation: AtomicU64,
    entries: AtomicU64,
}

/// What became of a lookup.
#[derive(Clone)]
pub(super) enum Outcome {
    Live(Arc<Entry>),
    Refused,
    Unavailable(Unavailable),
}

impl Shared {
    pub(super) fn new(settings: CacheSettings, authority: Arc<dyn Authority>) -> Self {
        let CacheSettings { negative_ttl, capacity, .. } = settings;
        let room = usize::try_from(capacity).unwrap_or(usize::MAX);
        let (weighter, hasher) = (UnitWeighter, Place::default());
        let refused = moka::future::Cache::builder();
        Self {
            settings,
            authority,
            live: Cache::with(room, capacity, weighter, hasher, DefaultLifecycle::default()),
            refused: refused.max_capacity(capacity).time_to_live(negative_ttl.max(SLOWEST)).build(),
            recent: RecentlyValid::new(capacity),
            granted: GrantedOnPaths::new(&settings),
            questions: Questions::new(),
            breaker: CircuitBreaker::new(),
            lookups: Flights::new(capacity),
            grants: Flights::new(capacity),
            generation: AtomicU64::new(0),
            entries: AtomicU64::new(0),
        }
    }

    pub(super) fn recall(&self, key: TokenKey, now: Instant) -> Option<Arc<Entry>> {
        self.live.get(&key).filter(|entry| entry.is_fresh(now))
    }

    /// The entry that may serve although it is past its time, while Vault gives no answer.
    pub(super) fn usable(&self, key: TokenKey) -> Option<Arc<Entry>> {
        self.live.get(&key).filter(|entry| entry.is_usable(Instant::now()))
    }

    /// Whether Vault accepted this token within the last 24 hours, as far as that is remembered.
    pub(super) fn was_valid(&self, key: TokenKey) -> bool {
        self.recent.contains(key)
    }

    /// Whether a refusal of it is to be repeated.
    pub(super) async fn is_refused(&self, key: TokenKey) -> bool {
        let since = self.refused.get(&key).await;
        since.is_some_and(|since| since.elapsed() < self.settings.negative_ttl)
    }

    /// Another caller may have had the answer since this one looked.
    pub(super) async fn look_up_unless_known(
        &self,
        key: TokenKey,
        token: Token,
        arrived: u64,
    ) -> Outcome {
        if self.is_refused(key).await {
            return Outcome::Refused;
        }
        match self.recall(key, Instant::now()) {
            Some(entry) if entry.generation >= arrived => Outcome::Live(entry),
            _ => self.look_up(key, token).await,
        }
    }

    pub(super) async fn look_up(&self, key: TokenKey, token: Token) -> Outcome {
        let before = self.live.peek(&key);
        let new_number = || self.entries.fetch_add(1, Ordering::Relaxed);
        let mut question = Question {
            asked: Instant::now(),
            number: before.as_ref().map_or_else(new_number, |entry| entry.number),
            generation: self.generation(),
        };
        let priority = if before.is_some() || self.was_valid(key) {
            LookupPriority::Known
        } else {
            LookupPriority::Unknown
        };
        let answer = self.authority.lookup(token, priority).await;
        match answer {
            Ok(Verdict::Live(facts)) => {
                self.breaker.record_answer();
                self.recent.add(key);
                let changed = |entry: &Arc<Entry>| !entry.identity.policies().eq(facts.policies());
                if before.as_ref().is_some_and(changed) {
                    question.number = new_number();
                }
                let entry = Arc::new(Entry::new(*facts, question, &self.settings));
                self.keep(key, &entry).await;
                Outcome::Live(entry)
            }
            Ok(Verdict::Invalid) => {
                self.breaker.record_answer();
                self.refuse(key).await;
                Outcome::Refused
            }
            Err(unavailable) => {
                self.record_error(&unavailable, question.asked);
                Outcome::Unavailable(unavailable)
            }
        }
    }

    /// An error that comes in time is an answer of Vault's, too, unless it was not asked.
    fn record_error(&self, unavailable: &Unavailable, asked: Instant) {
        let was_asked = !matches!(unavailable.cause, Cause::Overloaded | Cause::NotReady);
        if was_asked && asked.elapsed() < self.authority.timeout() {
            self.breaker.record_answer();
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

    pub(super) fn recall_grant(&self, entry: &Entry, path: &str, now: Instant) -> Option<Recalled> {
        self.granted.on(entry, path, now)
    }

    /// Asks what is granted on these paths, and remembers the answer unless something was evicted
    /// meanwhile.
    pub(super) async fn ask_paths(
        &self,
        key: TokenKey,
        entry: &Entry,
        token: Token,
        paths: Vec<String>,
    ) -> Result<Option<Arc<[Capabilities]>>, Unavailable> {
        let _permit = self.questions.permit(key).await;
        let (asked, generation) = (Instant::now(), self.generation());
        let answer = self.authority.capabilities(token, paths.clone()).await;
        match answer.inspect_err(|unavailable| self.record_error(unavailable, asked))? {
            Granted::Capabilities(granted) => {
                self.breaker.record_answer();
                if entry.may_be_kept() && generation == self.generation() {
                    self.granted.keep(entry, &paths, &granted, asked);
                }
                Ok(Some(granted))
            }
            Granted::Invalid => {
                self.breaker.record_answer();
                self.refuse(key).await;
                Ok(None)
            }
        }
    }

    pub(super) async fn spend(&self, key: TokenKey, token: Token) -> Result<Spent, Unavailable> {
        let _permit = self.questions.permit(key).await;
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

    /// Removes what can serve no more.
    pub(super) async fn remove_expired(&self) {
        let now = Instant::now();
        self.live.retain(|_, entry| entry.is_usable(now));
        self.granted.remove_expired(now);
        self.recent.remove_expired();
        self.questions.remove_idle();
        // Expired entries take up memory until then.
        self.refused.run_pending_tasks().await;
    }

    pub(super) async fn sizes(&self) -> (u64, u64) {
        self.remove_expired().await;
        (u64::try_from(self.live.len()).unwrap_or(u64::MAX), self.refused.entry_count())
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::SeqCst)
    }
}

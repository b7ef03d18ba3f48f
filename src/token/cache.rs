#[cfg(test)]
mod tests;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use moka::future::Cache;

use crate::token::{
    Cause, Credential, Facts, Identity, Lookup, Token, TokenKey, TokenKeys, Unavailable, Usage,
    Verdict,
};

/// How long what Vault said is relied on, and how much of it is held.
#[derive(Clone, Copy, Debug)]
pub struct CacheSettings {
    /// The longest that facts are fresh.
    pub ttl: Duration,
    /// How long a refusal is repeated without asking again.
    pub negative_ttl: Duration,
    /// How long after going stale facts may serve while Vault is out of reach. Zero: not at all.
    pub stale_grace: Duration,
    /// How many tokens are held at the most, live ones and refused ones each.
    pub capacity: u64,
}

/// The facts of a token, with what is derived from them once.
#[derive(Debug)]
pub struct Entry {
    /// What Vault said.
    pub facts: Facts,
    /// What the service behind the proxy is told.
    pub identity: Identity,
    fresh_until: Instant,
    generation: u64,
}

/// Where an answer came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheStatus {
    /// From memory.
    Hit,
    /// From Vault, just now.
    Miss,
    /// From memory, past its time, because Vault is out of reach.
    Stale,
}

impl CacheStatus {
    /// All of them, in the order of their discriminants.
    pub const ALL: [Self; 3] = [Self::Hit, Self::Miss, Self::Stale];

    /// The value of `X-Auth-Cache`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::Stale => "stale",
        }
    }
}

/// What is known of a token, and where from.
#[derive(Debug)]
pub struct Known {
    /// The facts of a live token; `None` for one that Vault refuses.
    pub entry: Option<Arc<Entry>>,
    /// Where the answer came from.
    pub status: CacheStatus,
}

/// Facts about tokens, asked for once and remembered no longer than Vault's word holds.
///
/// Decisions are never kept here: whoever reads an entry judges the request anew.
pub struct FactsCache {
    keys: TokenKeys,
    shared: Arc<Shared>,
}

struct Shared {
    settings: CacheSettings,
    lookup: Arc<dyn Lookup>,
    live: Cache<TokenKey, Arc<Entry>>,
    refused: Cache<TokenKey, ()>,
    /// Entries past their time, for the grace. `None` where there is none.
    stale: Option<Cache<TokenKey, Arc<Entry>>>,
    /// Counts evictions, so that an answer which was on its way during one is not kept.
    generation: AtomicU64,
}

/// An answer that concurrent callers share and that is not put among the live entries.
enum NotKept {
    Refused,
    Once(Arc<Entry>),
    Unavailable(Unavailable),
}

impl FactsCache {
    /// An empty cache in front of this authority.
    #[must_use]
    pub fn new(settings: CacheSettings, lookup: Arc<dyn Lookup>) -> Self {
        let CacheSettings { negative_ttl, stale_grace, capacity, .. } = settings;
        let until = |grace| {
            Cache::builder().max_capacity(capacity).expire_after(Lifetime { grace }).build()
        };
        let refused = Cache::builder().max_capacity(capacity).time_to_live(negative_ttl).build();
        let shared = Shared {
            settings,
            lookup,
            live: until(Duration::ZERO),
            refused,
            stale: (!stale_grace.is_zero()).then(|| until(stale_grace)),
            generation: AtomicU64::new(0),
        };
        Self { keys: TokenKeys::random(), shared: Arc::new(shared) }
    }

    /// What is known of this credential, from memory while it is fresh and else from Vault.
    /// Concurrent callers with one credential share one question to Vault.
    ///
    /// # Errors
    /// [`Unavailable`] if Vault gave no word and no grace applies.
    pub async fn get(&self, credential: &Credential<'_>) -> Result<Known, Unavailable> {
        let key = self.keys.key(credential);
        let shared = &self.shared;
        if let Some(entry) = shared.live.get(&key).await {
            if Instant::now() < entry.fresh_until {
                return Ok(Known { entry: Some(entry), status: CacheStatus::Hit });
            }
            shared.live.invalidate(&key).await;
        }
        if shared.refused.contains_key(&key) {
            return Ok(Known { entry: None, status: CacheStatus::Hit });
        }
        // In a task of its own, so that a client that hangs up does not take the answer from the
        // others who wait for it.
        let flight = tokio::spawn(Arc::clone(shared).ask(key, Token::from(credential)));
        flight.await.unwrap_or_else(|_| Err(Unavailable::new(Cause::Vault, "the lookup failed")))
    }

    /// Forgets the tokens whose facts match, and says how many those were.
    pub async fn evict(&self, matches: impl Fn(&Facts) -> bool + Send) -> usize {
        let shared = &self.shared;
        shared.generation.fetch_add(1, Ordering::SeqCst);
        let mut evicted = 0;
        for cache in [Some(&shared.live), shared.stale.as_ref()].into_iter().flatten() {
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

    /// Forgets everything.
    pub fn clear(&self) {
        let shared = &self.shared;
        shared.generation.fetch_add(1, Ordering::SeqCst);
        shared.live.invalidate_all();
        shared.refused.invalidate_all();
        if let Some(stale) = &shared.stale {
            stale.invalidate_all();
        }
    }

    /// How many live and how many refused tokens are held.
    pub async fn sizes(&self) -> (u64, u64) {
        let Shared { live, refused, .. } = &*self.shared;
        // The counts lag behind until then, and a quiet cache would never catch up.
        live.run_pending_tasks().await;
        refused.run_pending_tasks().await;
        (live.entry_count(), refused.entry_count())
    }
}

impl Shared {
    async fn ask(self: Arc<Self>, key: TokenKey, token: Token) -> Result<Known, Unavailable> {
        let answer = self.live.try_get_with(key, self.look_up(key, token)).await;
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

    async fn look_up(&self, key: TokenKey, token: Token) -> Result<Arc<Entry>, NotKept> {
        // Another caller may have been refused since this one looked.
        if self.refused.contains_key(&key) {
            return Err(NotKept::Refused);
        }
        let asked = Instant::now();
        let generation = self.generation.load(Ordering::SeqCst);
        let facts = match self.lookup.lookup(token).await.map_err(NotKept::Unavailable)? {
            Verdict::Live(facts) => *facts,
            Verdict::Invalid => {
                self.refused.insert(key, ()).await;
                if let Some(stale) = &self.stale {
                    stale.invalidate(&key).await;
                }
                return Err(NotKept::Refused);
            }
        };
        let identity = Identity::new(&facts);
        let fresh_until = self.fresh_until(&facts, asked);
        let entry = Arc::new(Entry { facts, identity, fresh_until, generation });
        let keep = entry.facts.usage == Usage::Unlimited && Instant::now() < fresh_until;
        if keep { Ok(entry) } else { Err(NotKept::Once(entry)) }
    }

    /// Fresh until `ttl` after Vault was asked, and not within the token's last second, whose
    /// length Vault does not tell.
    fn fresh_until(&self, facts: &Facts, asked: Instant) -> Instant {
        let by_ttl = asked + self.settings.ttl;
        match facts.expiry.deadline() {
            None => by_ttl,
            Some(deadline) => {
                by_ttl.min(deadline.checked_sub(Duration::from_secs(1)).unwrap_or(asked))
            }
        }
    }

    /// An eviction counts up first and removes then. Either it removes this entry, or the count
    /// is seen here to have changed since Vault was asked.
    async fn keep_unless_evicted(&self, key: TokenKey, entry: &Arc<Entry>) {
        if entry.generation != self.generation.load(Ordering::SeqCst) {
            self.live.invalidate(&key).await;
        } else if let Some(stale) = &self.stale {
            stale.insert(key, Arc::clone(entry)).await;
        }
    }

    async fn grace(&self, key: TokenKey, unavailable: &Unavailable) -> Option<Arc<Entry>> {
        if unavailable.cause == Cause::NotReady {
            return None;
        }
        let entry = self.stale.as_ref()?.get(&key).await?;
        let now = Instant::now();
        let within = now < entry.fresh_until + self.settings.stale_grace;
        (within && !entry.facts.expiry.is_past(now)).then_some(entry)
    }
}

/// Drops an entry when it is of no more use: when it is stale and its grace is over, or its
/// token has ended.
struct Lifetime {
    grace: Duration,
}

impl Lifetime {
    fn of(&self, entry: &Entry, now: Instant) -> Duration {
        let end = entry.fresh_until + self.grace;
        let end = entry.facts.expiry.deadline().map_or(end, |deadline| end.min(deadline));
        end.saturating_duration_since(now)
    }
}

impl moka::Expiry<TokenKey, Arc<Entry>> for Lifetime {
    fn expire_after_create(
        &self,
        _: &TokenKey,
        entry: &Arc<Entry>,
        now: Instant,
    ) -> Option<Duration> {
        Some(self.of(entry, now))
    }

    fn expire_after_update(
        &self,
        _: &TokenKey,
        entry: &Arc<Entry>,
        now: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(self.of(entry, now))
    }
}

use std::{
    hash::{Hash, Hasher},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use quick_cache::{Equivalent, sync::Cache};

use crate::{
    capabilities::Capabilities,
    token::cache::{TokenEntry, lifetime::Lifetimes, millis::Millis},
};

/// The maximum length of a cached path, in bytes. Clients influence paths through `acl_uri`.
const MAX_PATH: usize = 512;

/// The capabilities that Vault grants on paths to cached tokens. Each has a freshness lifetime, counted from
/// its own call.
pub(super) struct CapabilityCache(Cache<CapabilityKey, Arc<CachedCapabilities>>);

/// The time of a call, and the freshness lifetime of its result.
#[derive(Clone, Copy)]
pub(super) struct CapabilityStamp {
    pub(super) fetched_at: Instant,
    pub(super) fresh_for: Duration,
}

/// A path, and the id of the entries whose token it was looked up for.
#[derive(PartialEq, Eq)]
struct CapabilityKey {
    entry: u64,
    path: Box<str>,
}

/// A borrowed [`CapabilityKey`].
struct CapabilityKeyRef<'p> {
    entry: u64,
    path: &'p str,
}

struct CachedCapabilities {
    capabilities: Capabilities,
    stamp: CapabilityStamp,
    refreshing: AtomicBool,
}

/// A cached result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CapabilityHit {
    pub(super) capabilities: Capabilities,
    pub(super) freshness: Freshness,
}

/// The freshness of a cached result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Freshness {
    Fresh,
    /// Fresh, and to be refreshed in the background; returned once for each result.
    Due,
    /// Usable only with a stale entry.
    Stale,
}

impl CapabilityCache {
    pub(super) fn new(capacity: u64) -> Self {
        Self(Cache::new(usize::try_from(capacity).unwrap_or(usize::MAX)))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the cached capabilities of the entry's token on this path.
    pub(super) fn get(
        &self,
        entry: &TokenEntry,
        path: &str,
        now: Instant,
        lifetimes: &Lifetimes,
    ) -> Option<CapabilityHit> {
        let granted = self.0.get(&CapabilityKeyRef { entry: entry.id, path })?;
        let CapabilityStamp { fetched_at, fresh_for } = granted.stamp;
        let age = Millis::between(fetched_at, now);
        let is_due = || {
            age >= Millis::of(Lifetimes::refresh_age(fresh_for))
                || lifetimes.is_coverage_ending(age, fetched_at, now)
        };
        let freshness = if !granted.is_usable(now, lifetimes) {
            return None;
        } else if age >= Millis::of(fresh_for) || !lifetimes.allow(age, fetched_at, now) {
            Freshness::Stale
        } else if is_due() && !granted.refreshing.swap(true, Relaxed) {
            Freshness::Due
        } else {
            Freshness::Fresh
        };
        Some(CapabilityHit { capabilities: granted.capabilities, freshness })
    }

    /// Caches what Vault grants on these paths. Skips long paths, and those with a result of a later call.
    pub(super) fn insert(
        &self,
        entry: &TokenEntry,
        paths: &[String],
        granted: &[Capabilities],
        stamp: CapabilityStamp,
    ) {
        let granted = paths.iter().zip(granted).filter(|(path, _)| path.len() <= MAX_PATH);
        for (path, &capabilities) in granted {
            let cached = self.0.peek(&CapabilityKeyRef { entry: entry.id, path });
            if cached.is_some_and(|cached| cached.stamp.fetched_at > stamp.fetched_at) {
                continue;
            }
            let path = CapabilityKey { entry: entry.id, path: path.as_str().into() };
            let refreshing = AtomicBool::new(false);
            self.0.insert(path, Arc::new(CachedCapabilities { capabilities, stamp, refreshing }));
        }
    }

    /// Removes the results that may no longer be served.
    pub(super) fn remove_expired(&self, now: Instant, lifetimes: &Lifetimes) {
        self.0.retain(|_, granted| granted.is_usable(now, lifetimes));
    }

    pub(super) fn clear(&self) {
        self.0.clear();
    }
}

impl CachedCapabilities {
    fn is_usable(&self, now: Instant, lifetimes: &Lifetimes) -> bool {
        let CapabilityStamp { fetched_at, fresh_for } = self.stamp;
        let age = Millis::between(fetched_at, now);
        age < Millis::of(lifetimes.usable_for(fresh_for))
            && lifetimes.allow_stale(age, fetched_at, now)
    }
}

impl Hash for CapabilityKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        CapabilityKeyRef { entry: self.entry, path: &self.path }.hash(state);
    }
}

impl Hash for CapabilityKeyRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.entry.hash(state);
        self.path.hash(state);
    }
}

impl Equivalent<CapabilityKey> for CapabilityKeyRef<'_> {
    fn equivalent(&self, key: &CapabilityKey) -> bool {
        self.entry == key.entry && *self.path == *key.path
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{CapabilityCache, CapabilityStamp, Freshness, MAX_PATH};
    use crate::{
        capabilities::Capabilities,
        token::{
            TokenInfo,
            cache::{CacheSettings, TokenEntry, entry::FetchStamp, lifetime::Lifetimes},
        },
    };

    const MINUTE: Duration = Duration::from_mins(1);

    fn lifetimes() -> Lifetimes {
        Lifetimes::new(&CacheSettings {
            ttl: MINUTE,
            ttl_with_feed: MINUTE,
            negative_ttl: MINUTE,
            stale_grace: MINUTE,
            capacity: 10,
        })
    }

    fn entry(id: u64) -> TokenEntry {
        let stamp = FetchStamp { fetched_at: Instant::now(), id, generation: 0 };
        TokenEntry::new(TokenInfo::foreign_namespace(), stamp, &lifetimes())
    }

    fn fetched(fetched_at: Instant) -> CapabilityStamp {
        CapabilityStamp { fetched_at, fresh_for: MINUTE }
    }

    #[test]
    fn capabilities_are_per_path_and_entry() {
        let granted = CapabilityCache::new(10);
        let (one, other, now) = (entry(1), entry(11), Instant::now());
        let on = |entry: &TokenEntry, path: &str| {
            granted.get(entry, path, now, &lifetimes()).map(|hit| hit.capabilities)
        };
        let paths = ["a/b", "c"].map(str::to_owned);
        let both = [Capabilities::READ, Capabilities::DELETE];
        granted.insert(&one, &paths, &both, fetched(now));
        assert_eq!(on(&one, "a/b"), Some(Capabilities::READ));
        assert_eq!(on(&one, "c"), Some(Capabilities::DELETE));
        for path in ["a", "b", "a/b/", "a/bc", "A/b", "", "a/b\0c"] {
            assert_eq!(on(&one, path), None, "{path:?}");
        }
        assert_eq!(on(&other, "a/b"), None);
        let long = "a".repeat(MAX_PATH + 1);
        let paths = [long.clone(), "b".to_owned()];
        granted.insert(&one, &paths, &[Capabilities::READ; 2], fetched(now));
        assert_eq!((on(&one, &long), on(&one, "b").is_some()), (None, true));
        granted.remove_expired(now + 2 * MINUTE, &lifetimes());
        assert_eq!(on(&one, "a/b"), None);
    }

    #[test]
    fn capabilities_are_due_once_then_stale() {
        let granted = CapabilityCache::new(10);
        let (entry, fetched_at) = (entry(1), Instant::now());
        granted.insert(&entry, &["a".to_owned()], &[Capabilities::READ], fetched(fetched_at));
        let age = |seconds| {
            let now = fetched_at + Duration::from_secs(seconds);
            granted.get(&entry, "a", now, &lifetimes()).map(|hit| hit.freshness)
        };
        assert_eq!(age(44), Some(Freshness::Fresh));
        assert_eq!((age(45), age(46)), (Some(Freshness::Due), Some(Freshness::Fresh)));
        assert_eq!((age(60), age(119)), (Some(Freshness::Stale), Some(Freshness::Stale)));
        assert_eq!(age(120), None);
    }
}

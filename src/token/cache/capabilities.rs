use std::{
    hash::{Hash, Hasher},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use quick_cache::{Equivalent, sync::Cache};

use crate::{
    capabilities::Capabilities,
    token::cache::{CacheSettings, TokenEntry, entry::REFRESH_AT},
};

/// The maximum length of a cached path, in bytes. Clients influence paths through `acl_uri`.
const MAX_PATH: usize = 512;

/// The capabilities that Vault grants on paths to cached tokens. Each is fresh for the time to live
/// of the cache, counted from its own call.
pub(super) struct CapabilityCache {
    entries: Cache<CapabilityKey, Arc<CachedCapabilities>>,
    lifetimes: ArcSwap<Lifetimes>,
}

/// The ages up to which results may be used, by the settings of the cache.
struct Lifetimes {
    fresh_for: Duration,
    refresh_after: Duration,
    usable_for: Duration,
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
    fetched_at: Instant,
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
    pub(super) fn new(settings: &CacheSettings) -> Self {
        let capacity = usize::try_from(settings.capacity).unwrap_or(usize::MAX);
        Self {
            entries: Cache::new(capacity),
            lifetimes: ArcSwap::from_pointee(Lifetimes::of(settings)),
        }
    }

    /// Uses the lifetimes of these settings, also for what is cached already.
    pub(super) fn apply(&self, settings: &CacheSettings) {
        self.lifetimes.store(Arc::new(Lifetimes::of(settings)));
    }

    /// Returns the cached capabilities of the entry's token on this path.
    pub(super) fn get(
        &self,
        entry: &TokenEntry,
        path: &str,
        now: Instant,
    ) -> Option<CapabilityHit> {
        let granted = self.entries.get(&CapabilityKeyRef { entry: entry.id, path })?;
        let age = now.saturating_duration_since(granted.fetched_at);
        let lifetimes = self.lifetimes.load();
        let freshness = if age >= lifetimes.usable_for {
            return None;
        } else if age >= lifetimes.fresh_for {
            Freshness::Stale
        } else if age >= lifetimes.refresh_after && !granted.refreshing.swap(true, Relaxed) {
            Freshness::Due
        } else {
            Freshness::Fresh
        };
        Some(CapabilityHit { capabilities: granted.capabilities, freshness })
    }

    /// Caches what Vault, called at `fetched_at`, grants on these paths. Skips long paths, and
    /// those with a result of a later call.
    pub(super) fn insert(
        &self,
        entry: &TokenEntry,
        paths: &[String],
        granted: &[Capabilities],
        fetched_at: Instant,
    ) {
        let granted = paths.iter().zip(granted).filter(|(path, _)| path.len() <= MAX_PATH);
        for (path, &capabilities) in granted {
            let cached = self.entries.peek(&CapabilityKeyRef { entry: entry.id, path });
            if cached.is_some_and(|cached| cached.fetched_at > fetched_at) {
                continue;
            }
            let path = CapabilityKey { entry: entry.id, path: path.as_str().into() };
            let refreshing = AtomicBool::new(false);
            self.entries.insert(
                path,
                Arc::new(CachedCapabilities { capabilities, fetched_at, refreshing }),
            );
        }
    }

    /// Removes the results that may no longer be served.
    pub(super) fn remove_expired(&self, now: Instant) {
        let usable_for = self.lifetimes.load().usable_for;
        self.entries
            .retain(|_, granted| now.saturating_duration_since(granted.fetched_at) < usable_for);
    }

    pub(super) fn clear(&self) {
        self.entries.clear();
    }
}

impl Lifetimes {
    fn of(settings: &CacheSettings) -> Self {
        Self {
            fresh_for: settings.ttl,
            refresh_after: settings.ttl.mul_f64(REFRESH_AT),
            usable_for: settings.ttl.saturating_add(settings.stale_grace),
        }
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

    use super::{CapabilityCache, Freshness, MAX_PATH};
    use crate::{
        capabilities::Capabilities,
        token::{
            TokenInfo,
            cache::{CacheSettings, TokenEntry, entry::FetchStamp},
        },
    };

    const MINUTE: Duration = Duration::from_mins(1);

    const SETTINGS: CacheSettings =
        CacheSettings { ttl: MINUTE, negative_ttl: MINUTE, stale_grace: MINUTE, capacity: 10 };

    fn entry(id: u64) -> TokenEntry {
        let stamp = FetchStamp { fetched_at: Instant::now(), id, generation: 0 };
        TokenEntry::new(TokenInfo::foreign_namespace(), stamp, &SETTINGS)
    }

    #[test]
    fn capabilities_are_per_path_and_entry() {
        let granted = CapabilityCache::new(&SETTINGS);
        let (one, other, now) = (entry(1), entry(11), Instant::now());
        let on = |entry: &TokenEntry, path: &str| {
            granted.get(entry, path, now).map(|hit| hit.capabilities)
        };
        let paths = ["a/b", "c"].map(str::to_owned);
        granted.insert(&one, &paths, &[Capabilities::READ, Capabilities::DELETE], now);
        assert_eq!(on(&one, "a/b"), Some(Capabilities::READ));
        assert_eq!(on(&one, "c"), Some(Capabilities::DELETE));
        for path in ["a", "b", "a/b/", "a/bc", "A/b", "", "a/b\0c"] {
            assert_eq!(on(&one, path), None, "{path:?}");
        }
        assert_eq!(on(&other, "a/b"), None);
        let long = "a".repeat(MAX_PATH + 1);
        granted.insert(&one, &[long.clone(), "b".to_owned()], &[Capabilities::READ; 2], now);
        assert_eq!((on(&one, &long), on(&one, "b").is_some()), (None, true));
        granted.remove_expired(now + 2 * MINUTE);
        assert_eq!(on(&one, "a/b"), None);
    }

    #[test]
    fn capabilities_are_due_once_then_stale() {
        let granted = CapabilityCache::new(&SETTINGS);
        let (entry, fetched_at) = (entry(1), Instant::now());
        granted.insert(&entry, &["a".to_owned()], &[Capabilities::READ], fetched_at);
        let age = |seconds| {
            let now = fetched_at + Duration::from_secs(seconds);
            granted.get(&entry, "a", now).map(|hit| hit.freshness)
        };
        assert_eq!(age(44), Some(Freshness::Fresh));
        assert_eq!((age(45), age(46)), (Some(Freshness::Due), Some(Freshness::Fresh)));
        assert_eq!((age(60), age(119)), (Some(Freshness::Stale), Some(Freshness::Stale)));
        assert_eq!(age(120), None);
    }
}

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
    token::cache::{CacheSettings, Entry, entry::RECHECK_AFTER},
};

/// The longest path that is remembered, in bytes. Clients choose paths, and Vault those that count.
const MAX_PATH: usize = 512;

/// The capabilities that Vault grants on paths to the tokens of entries. Each answer is fresh for
/// the time to live of the cache, counted from its own question.
pub(super) struct GrantedOnPaths {
    answers: Cache<OnPath, Arc<Granted>>,
    fresh: Duration,
    recheck_after: Duration,
    usable: Duration,
}

/// A path, asked about for the entries with this number.
#[derive(PartialEq, Eq)]
struct OnPath {
    entry: u64,
    path: Box<str>,
}

/// The same, borrowed.
struct OnPathRef<'p> {
    entry: u64,
    path: &'p str,
}

struct Granted {
    capabilities: Capabilities,
    asked: Instant,
    rechecked: AtomicBool,
}

/// A remembered answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Recalled {
    pub(super) capabilities: Capabilities,
    pub(super) age: Age,
}

/// The age of a remembered answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Age {
    Fresh,
    /// Fresh, and to be asked for again in the background; told once of each answer.
    Due,
    /// Usable only where a stale entry is.
    Stale,
}

impl GrantedOnPaths {
    pub(super) fn new(settings: &CacheSettings) -> Self {
        let capacity = usize::try_from(settings.capacity).unwrap_or(usize::MAX);
        Self {
            answers: Cache::new(capacity),
            fresh: settings.ttl,
            recheck_after: settings.ttl.mul_f64(RECHECK_AFTER),
            usable: settings.ttl.saturating_add(settings.stale_grace),
        }
    }

    /// What is granted on this path, if it is known.
    pub(super) fn on(&self, entry: &Entry, path: &str, now: Instant) -> Option<Recalled> {
        let granted = self.answers.get(&OnPathRef { entry: entry.number, path })?;
        let age = now.saturating_duration_since(granted.asked);
        let age = if age >= self.usable {
            return None;
        } else if age >= self.fresh {
            Age::Stale
        } else if age >= self.recheck_after && !granted.rechecked.swap(true, Relaxed) {
            Age::Due
        } else {
            Age::Fresh
        };
        Some(Recalled { capabilities: granted.capabilities, age })
    }

    /// Remembers what Vault, asked at `asked`, grants on these paths, but for long ones and for those
    /// that it was asked about later.
    pub(super) fn keep(
        &self,
        entry: &Entry,
        paths: &[String],
        granted: &[Capabilities],
        asked: Instant,
    ) {
        let granted = paths.iter().zip(granted).filter(|(path, _)| path.len() <= MAX_PATH);
        for (path, &capabilities) in granted {
            let known = self.answers.peek(&OnPathRef { entry: entry.number, path });
            if known.is_some_and(|known| known.asked > asked) {
                continue;
            }
            let path = OnPath { entry: entry.number, path: path.as_str().into() };
            let rechecked = AtomicBool::new(false);
            self.answers.insert(path, Arc::new(Granted { capabilities, asked, rechecked }));
        }
    }

    /// Removes the answers that can serve no more.
    pub(super) fn remove_expired(&self, now: Instant) {
        self.answers
            .retain(|_, granted| now.saturating_duration_since(granted.asked) < self.usable);
    }

    pub(super) fn clear(&self) {
        self.answers.clear();
    }
}

impl Hash for OnPath {
    fn hash<H: Hasher>(&self, state: &mut H) {
        OnPathRef { entry: self.entry, path: &self.path }.hash(state);
    }
}

impl Hash for OnPathRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.entry.hash(state);
        self.path.hash(state);
    }
}

impl Equivalent<OnPath> for OnPathRef<'_> {
    fn equivalent(&self, key: &OnPath) -> bool {
        self.entry == key.entry && *self.path == *key.path
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Age, GrantedOnPaths, MAX_PATH};
    use crate::{
        capabilities::Capabilities,
        token::{
            Facts,
            cache::{CacheSettings, Entry, entry::Question},
        },
    };

    const MINUTE: Duration = Duration::from_mins(1);

    const SETTINGS: CacheSettings =
        CacheSettings { ttl: MINUTE, negative_ttl: MINUTE, stale_grace: MINUTE, capacity: 10 };

    fn entry(number: u64) -> Entry {
        let question = Question { asked: Instant::now(), number, generation: 0 };
        Entry::new(Facts::of_another_namespace(), question, &SETTINGS)
    }

    #[test]
    fn a_grant_is_for_one_path_and_one_entry() {
        let granted = GrantedOnPaths::new(&SETTINGS);
        let (one, other, now) = (entry(1), entry(11), Instant::now());
        let on = |entry: &Entry, path: &str| {
            granted.on(entry, path, now).map(|recalled| recalled.capabilities)
        };
        let paths = ["a/b", "c"].map(str::to_owned);
        granted.keep(&one, &paths, &[Capabilities::READ, Capabilities::DELETE], now);
        assert_eq!(on(&one, "a/b"), Some(Capabilities::READ));
        assert_eq!(on(&one, "c"), Some(Capabilities::DELETE));
        for path in ["a", "b", "a/b/", "a/bc", "A/b", "", "a/b\0c"] {
            assert_eq!(on(&one, path), None, "{path:?}");
        }
        assert_eq!(on(&other, "a/b"), None);
        let long = "a".repeat(MAX_PATH + 1);
        granted.keep(&one, &[long.clone(), "b".to_owned()], &[Capabilities::READ; 2], now);
        assert_eq!((on(&one, &long), on(&one, "b").is_some()), (None, true));
        granted.remove_expired(now + 2 * MINUTE);
        assert_eq!(on(&one, "a/b"), None);
    }

    #[test]
    fn a_grant_is_due_once_then_stale_then_gone() {
        let granted = GrantedOnPaths::new(&SETTINGS);
        let (entry, asked) = (entry(1), Instant::now());
        granted.keep(&entry, &["a".to_owned()], &[Capabilities::READ], asked);
        let age = |seconds| {
            let now = asked + Duration::from_secs(seconds);
            granted.on(&entry, "a", now).map(|recalled| recalled.age)
        };
        assert_eq!(age(44), Some(Age::Fresh));
        assert_eq!((age(45), age(46)), (Some(Age::Due), Some(Age::Fresh)));
        assert_eq!((age(60), age(119)), (Some(Age::Stale), Some(Age::Stale)));
        assert_eq!(age(120), None);
    }
}

use std::{
    hash::{Hash, Hasher},
    time::Instant,
};

use quick_cache::{Equivalent, sync::Cache};

use crate::token::{Capabilities, cache::Entry};

/// The longest path that is remembered, in bytes. Clients choose paths, and Vault those that count.
const MAX_PATH: usize = 512;

/// What Vault grants on paths to the tokens of entries, each for as long as its entry.
pub(super) struct GrantedOnPaths(Cache<OnPath, Granted>);

/// A path, asked about for the entry with this number.
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

#[derive(Clone, Copy)]
struct Granted {
    capabilities: Capabilities,
    until: Instant,
}

impl GrantedOnPaths {
    pub(super) fn new(capacity: usize) -> Self {
        Self(Cache::new(capacity))
    }

    /// What is granted on this path, if it is known.
    pub(super) fn on(&self, entry: &Entry, path: &str) -> Option<Capabilities> {
        let granted = self.0.get(&OnPathRef { entry: entry.number, path })?;
        Some(granted.capabilities)
    }

    /// Remembers what is granted on these paths, but for long ones.
    pub(super) fn keep(&self, entry: &Entry, paths: &[String], granted: &[Capabilities]) {
        let granted = paths.iter().zip(granted).filter(|(path, _)| path.len() <= MAX_PATH);
        for (path, &capabilities) in granted {
            let path = OnPath { entry: entry.number, path: path.as_str().into() };
            self.0.insert(path, Granted { capabilities, until: entry.end() });
        }
    }

    /// Lets go of what belongs to entries that have ended by now.
    pub(super) fn drop_ended(&self, now: Instant) {
        self.0.retain(|_, granted| now < granted.until);
    }

    pub(super) fn clear(&self) {
        self.0.clear();
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

    use super::{GrantedOnPaths, MAX_PATH};
    use crate::token::{
        Capabilities, Facts,
        cache::{CacheSettings, Entry, entry::Question},
    };

    fn entry(number: u64) -> Entry {
        let ttl = Duration::from_mins(1);
        let settings =
            CacheSettings { ttl, negative_ttl: ttl, stale_grace: Duration::ZERO, capacity: 10 };
        let question = Question { asked: Instant::now(), number, generation: 0 };
        Entry::new(Facts::of_another_namespace(), question, &settings)
    }

    #[test]
    fn what_is_granted_on_a_path_holds_for_that_path_and_that_entry() {
        let granted = GrantedOnPaths::new(100);
        let (one, other) = (entry(1), entry(11));
        let paths = ["a/b", "c"].map(str::to_owned);
        granted.keep(&one, &paths, &[Capabilities::READ, Capabilities::DELETE]);
        assert_eq!(granted.on(&one, "a/b"), Some(Capabilities::READ));
        assert_eq!(granted.on(&one, "c"), Some(Capabilities::DELETE));
        for path in ["a", "b", "a/b/", "a/bc", "A/b", "", "a/b\0c"] {
            assert_eq!(granted.on(&one, path), None, "{path:?}");
        }
        assert_eq!(granted.on(&other, "a/b"), None);
        let long = "a".repeat(MAX_PATH + 1);
        granted.keep(&one, &[long.clone(), "b".to_owned()], &[Capabilities::READ; 2]);
        assert_eq!((granted.on(&one, &long), granted.on(&one, "b").is_some()), (None, true));
        granted.drop_ended(Instant::now() + Duration::from_mins(2));
        assert_eq!(granted.on(&one, "a/b"), None);
    }
}

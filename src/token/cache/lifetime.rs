use std::time::{Duration, Instant};

use crate::token::{
    CacheSettings, FeedCoverage, ResponseNode, TokenInfo,
    cache::millis::{AtomicMillis, Millis},
};

/// The fraction of the freshness lifetime after which a cached result in use is refreshed.
const REFRESH_AT: f64 = 0.75;

/// The maximum freshness lifetime of a token with a parent while longer ones rely on the feed. Vault writes
/// no audit entry when the parent expires, and with it the token.
const TTL_WITH_PARENT: Duration = Duration::from_millis(200);

/// The times for which cached results are served: a longer one while the feed of changes is complete, and a
/// shorter one otherwise.
pub(super) struct Lifetimes {
    ttl: AtomicMillis,
    ttl_with_feed: AtomicMillis,
    stale_grace: AtomicMillis,
    negative_ttl: AtomicMillis,
    /// The age at which results are refreshed that may soon no longer rely on the feed.
    refresh_without_feed: AtomicMillis,
    coverage: FeedCoverage,
}

impl Lifetimes {
    pub(super) fn new(settings: &CacheSettings) -> Self {
        Self {
            ttl: AtomicMillis::new(settings.ttl),
            ttl_with_feed: AtomicMillis::new(settings.ttl_with_feed),
            stale_grace: AtomicMillis::new(settings.stale_grace),
            negative_ttl: AtomicMillis::new(settings.negative_ttl),
            refresh_without_feed: AtomicMillis::new(Self::refresh_age(settings.ttl)),
            coverage: FeedCoverage::default(),
        }
    }

    /// Uses these settings from now on. What is cached already is used no longer than they allow.
    pub(super) fn apply(&self, settings: &CacheSettings) {
        self.ttl.set(settings.ttl);
        self.ttl_with_feed.set(settings.ttl_with_feed);
        self.stale_grace.set(settings.stale_grace);
        self.negative_ttl.set(settings.negative_ttl);
        self.refresh_without_feed.set(Self::refresh_age(settings.ttl));
    }

    fn ttl(&self) -> Duration {
        self.ttl.get().into()
    }

    fn ttl_with_feed(&self) -> Duration {
        self.ttl_with_feed.get().into()
    }

    /// Returns the time for which a rejection applies.
    pub(super) fn negative_ttl(&self) -> Duration {
        self.negative_ttl.get().into()
    }

    pub(super) fn coverage(&self) -> &FeedCoverage {
        &self.coverage
    }

    /// Returns true if longer lifetimes rely on the feed.
    fn rely_on_feed(&self) -> bool {
        self.ttl_with_feed.get() > self.ttl.get()
    }

    /// Returns the maximum freshness lifetime of a token that was looked up at `fetched_at`.
    pub(super) fn of_token(&self, info: &TokenInfo, fetched_at: Instant) -> Duration {
        if info.source.node == ResponseNode::Any || !self.covers(fetched_at, fetched_at) {
            self.ttl()
        } else if info.has_parent {
            self.ttl().min(TTL_WITH_PARENT)
        } else {
            self.ttl_with_feed()
        }
    }

    /// Returns the maximum freshness lifetime of the capabilities of tokens, fetched at `fetched_at` from
    /// this node.
    pub(super) fn of_capabilities(&self, node: ResponseNode, fetched_at: Instant) -> Duration {
        match node {
            ResponseNode::Active if self.covers(fetched_at, fetched_at) => self.ttl_with_feed(),
            _ => self.ttl(),
        }
    }

    /// Returns the age at which a result is refreshed in the background.
    pub(super) fn refresh_age(fresh_for: Duration) -> Duration {
        fresh_for.mul_f64(REFRESH_AT)
    }

    /// Returns the age up to which a result may be served while Vault is unavailable.
    pub(super) fn usable_for(&self, fresh_for: Duration) -> Duration {
        fresh_for.saturating_add(self.stale_grace.get().into())
    }

    /// Returns true if a result of this age may be served although it is too old to be served without the
    /// feed, or is not too old.
    pub(super) fn allow(&self, age: Millis, fetched_at: Instant, now: Instant) -> bool {
        age < self.ttl.get() || (age < self.ttl_with_feed.get() && self.covers(fetched_at, now))
    }

    /// Returns true if a result of this age may be served while Vault is unavailable.
    pub(super) fn allow_stale(&self, age: Millis, fetched_at: Instant, now: Instant) -> bool {
        age < Millis::of(self.usable_for(self.ttl()))
            || (age < Millis::of(self.usable_for(self.ttl_with_feed()))
                && self.covers(fetched_at, now))
    }

    /// Returns true if a result of this age has to be refreshed, since it will soon be too old without the
    /// feed.
    pub(super) fn is_coverage_ending(
        &self,
        age: Millis,
        fetched_at: Instant,
        now: Instant,
    ) -> bool {
        age >= self.refresh_without_feed.get()
            && (self.coverage.is_ending(now) || !self.covers(fetched_at, now))
    }

    fn covers(&self, fetched_at: Instant, now: Instant) -> bool {
        self.rely_on_feed() && self.coverage.covers(fetched_at, now)
    }
}

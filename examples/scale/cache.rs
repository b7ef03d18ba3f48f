//! The rules by which a cached token is served, refreshed and looked up again, as in `src/token/cache/`.

use crate::steady::REFRESH_AT;

/// A time or a duration, in steps of 0.1 ms.
pub type Ticks = u32;

/// The ticks of a second.
pub const SECOND: Ticks = 10_000;

/// The interval of heartbeats, and the time after the last one for which the feed is relied on.
const HEARTBEAT: Ticks = 2 * SECOND;
const SILENCE_LIMIT: Ticks = 10 * SECOND;

/// The time before the end of that in which entries are refreshed that rely on the feed.
const ENDING: Ticks = 5 * SECOND;

/// The lifetime of tokens with a parent while longer ones rely on the feed.
const TTL_WITH_PARENT: Ticks = SECOND / 5;

/// Returns a number of seconds in ticks.
pub fn ticks(seconds: f64) -> Ticks {
    (seconds * f64::from(SECOND)) as Ticks
}

/// The times for which entries are fresh.
#[derive(Clone, Copy)]
pub struct Lifetimes {
    pub ttl: Ticks,
    /// The lifetime while the feed is complete; `ttl` if there is no feed.
    pub ttl_with_feed: Ticks,
}

/// The feed of changes, as one replica receives it.
#[derive(Clone, Copy, Default)]
pub struct Feed {
    /// The time from which on it is complete.
    pub since: Ticks,
    /// The times at which it is lost, and works again.
    pub loss: Option<(Ticks, Ticks)>,
}

impl Feed {
    /// Returns the time at which the feed counts as silent, unless another heartbeat arrives.
    fn until(&self, now: Ticks) -> Ticks {
        let last = now - now % HEARTBEAT;
        match self.loss {
            Some((start, end)) if now >= start && last < end => {
                start - start % HEARTBEAT + SILENCE_LIMIT
            }
            _ => last + SILENCE_LIMIT,
        }
    }

    fn is_complete(&self, now: Ticks) -> bool {
        now < self.until(now)
    }

    fn is_ending(&self, now: Ticks) -> bool {
        now + ENDING >= self.until(now)
    }

    /// Returns true if every change since `fetched` has arrived.
    fn covers(&self, fetched: Ticks, now: Ticks) -> bool {
        let since = match self.loss {
            Some((start, end)) if now >= end && end > start + SILENCE_LIMIT => {
                self.since.max(end.next_multiple_of(HEARTBEAT))
            }
            _ => self.since,
        };
        self.is_complete(now) && fetched >= since
    }
}

/// The rules for the entries of one replica.
#[derive(Clone, Copy)]
pub struct Rules {
    pub lifetimes: Lifetimes,
    pub feed: Feed,
}

/// The kind of a token, as far as its lifetime in the cache depends on it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    Orphan,
    WithParent,
}

impl Rules {
    /// Returns true if the entry that was fetched at this time may be served.
    pub fn is_fresh(&self, kind: TokenKind, fetched: Ticks, now: Ticks) -> bool {
        let age = now - fetched;
        age < self.fresh_for(kind, fetched)
            && (age < self.lifetimes.ttl || self.covers(fetched, now))
    }

    /// Returns true if the entry has to be refreshed when it is used.
    pub fn is_refresh_due(&self, kind: TokenKind, fetched: Ticks, now: Ticks) -> bool {
        let age = f64::from(now - fetched);
        let is_ending = || self.feed.is_ending(now) || !self.covers(fetched, now);
        age >= REFRESH_AT * f64::from(self.fresh_for(kind, fetched))
            || (age >= REFRESH_AT * f64::from(self.lifetimes.ttl) && is_ending())
    }

    /// Returns the lifetime of an entry that is fetched at this time.
    pub fn fresh_for(&self, kind: TokenKind, fetched: Ticks) -> Ticks {
        match kind {
            _ if !self.covers(fetched, fetched) => self.lifetimes.ttl,
            TokenKind::WithParent => self.lifetimes.ttl.min(TTL_WITH_PARENT),
            TokenKind::Orphan => self.lifetimes.ttl_with_feed,
        }
    }

    /// Returns true if lifetimes rely on the feed now.
    pub fn rely_on_feed(&self, now: Ticks) -> bool {
        self.covers(now, now)
    }

    fn covers(&self, fetched: Ticks, now: Ticks) -> bool {
        self.lifetimes.ttl_with_feed > self.lifetimes.ttl && self.feed.covers(fetched, now)
    }
}

#[cfg(test)]
mod tests {
    use super::{Feed, Lifetimes, Rules, SECOND, Ticks, TokenKind::*};

    const START: Ticks = 1000 * SECOND;

    fn rules(ttl_with_feed: Ticks) -> Rules {
        let lifetimes = Lifetimes { ttl: 30 * SECOND, ttl_with_feed: ttl_with_feed * SECOND };
        Rules { lifetimes, feed: Feed::default() }
    }

    #[test]
    fn feed_prolongs_lifetime() {
        for (rules, limit) in [(rules(30), 30), (rules(600), 600)] {
            let end = START + limit * SECOND;
            assert!(rules.is_fresh(Orphan, START, end - 1));
            assert!(!rules.is_fresh(Orphan, START, end));
            let due = START + limit * SECOND * 3 / 4;
            assert!(!rules.is_refresh_due(Orphan, START, due - 1));
            assert!(rules.is_refresh_due(Orphan, START, due));
        }
    }

    #[test]
    fn token_with_parent_is_brief_with_feed_only() {
        let end = START + SECOND / 5;
        assert!(!rules(600).is_fresh(WithParent, START, end));
        assert!(rules(600).is_fresh(WithParent, START, end - 1));
        assert!(rules(30).is_fresh(WithParent, START, end));
    }

    #[test]
    fn silent_feed_ends_longer_lifetime() {
        let mut rules = rules(600);
        let lost = START + 100 * SECOND;
        rules.feed.loss = Some((lost, lost + 60 * SECOND));
        assert!(rules.is_fresh(Orphan, START, lost + 9 * SECOND));
        assert!(!rules.is_refresh_due(Orphan, START, lost + 4 * SECOND));
        assert!(rules.is_refresh_due(Orphan, START, lost + 6 * SECOND));
        assert!(!rules.is_fresh(Orphan, START, lost + 10 * SECOND));
        let again = lost + 60 * SECOND;
        assert!(!rules.is_fresh(Orphan, START, again), "changes may have been lost");
        assert!(rules.is_fresh(Orphan, again, again + 500 * SECOND));
    }

    #[test]
    fn brief_loss_of_feed_changes_nothing() {
        let mut rules = rules(600);
        rules.feed.loss = Some((START + SECOND, START + 5 * SECOND));
        for second in 0..600 {
            let now = START + second * SECOND;
            assert!(rules.is_fresh(Orphan, START, now), "{second}");
            assert!(second >= 450 || !rules.is_refresh_due(Orphan, START, now), "{second}");
        }
    }

    #[test]
    fn feed_of_new_process_does_not_cover_old_entries() {
        let mut rules = rules(600);
        rules.feed.since = START + 60 * SECOND;
        assert!(!rules.is_fresh(Orphan, START, START + 61 * SECOND));
        assert!(rules.is_fresh(Orphan, START + 50 * SECOND, START + 79 * SECOND));
        assert!(!rules.is_fresh(Orphan, START + 50 * SECOND, START + 80 * SECOND));
    }
}

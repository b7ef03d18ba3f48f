use std::{
    sync::atomic::{AtomicU64, Ordering::SeqCst},
    time::{Duration, Instant},
};

/// The time after the last proof that the feed is complete for which it is relied on.
const FEED_SILENCE_LIMIT: Duration = Duration::from_secs(10);

/// The time before the end of that in which entries that rely on the feed are refreshed, so that not all
/// of them go stale at once.
const ENDING: Duration = Duration::from_secs(5);

/// The period in which the feed of changes is known to be complete: every change in Vault since its start has
/// been applied to the cache.
///
/// An entry that was fetched within the period may be served longer than one that was fetched before, since a
/// change that concerns it would have removed it.
#[derive(Debug)]
pub struct FeedCoverage {
    origin: Instant,
    /// The start of the period, in milliseconds since `origin`.
    since: AtomicU64,
    /// Its end, in milliseconds since `origin`; zero before the first period.
    until: AtomicU64,
}

impl Default for FeedCoverage {
    fn default() -> Self {
        Self { origin: Instant::now(), since: AtomicU64::new(0), until: AtomicU64::new(0) }
    }
}

impl FeedCoverage {
    /// Records that every change before `sent_at` has arrived: the time at which a request was sent whose
    /// entry the feed has delivered. Returns true if that starts a new period.
    pub fn confirm(&self, sent_at: Instant) -> bool {
        let sent = self.millis(sent_at);
        let until = sent.saturating_add(millis(FEED_SILENCE_LIMIT));
        // In a gap before this time, changes may have been lost.
        let is_new = sent >= self.until.load(SeqCst);
        if is_new {
            self.since.fetch_max(sent, SeqCst);
        }
        self.until.fetch_max(until, SeqCst);
        is_new
    }

    /// Excludes entries that are fetched before `end` from the period. Vault may complete a change in the
    /// background until then, without an entry of the feed.
    pub fn exclude_until(&self, end: Instant) {
        self.since.fetch_max(self.millis(end), SeqCst);
    }

    /// Returns true if the feed is complete at `now`.
    #[must_use]
    pub fn is_complete(&self, now: Instant) -> bool {
        self.millis(now) < self.until.load(SeqCst)
    }

    /// Returns true if every change since `fetched_at` has arrived by `now`.
    #[must_use]
    pub fn covers(&self, fetched_at: Instant, now: Instant) -> bool {
        self.is_complete(now) && self.millis(fetched_at) >= self.since.load(SeqCst)
    }

    /// Returns true if the period ends soon, or has ended.
    pub(super) fn is_ending(&self, now: Instant) -> bool {
        !self.is_complete(now + ENDING)
    }

    fn millis(&self, time: Instant) -> u64 {
        millis(time.saturating_duration_since(self.origin))
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::FeedCoverage;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn coverage_ends_with_silence() {
        let coverage = FeedCoverage::default();
        let start = Instant::now() + SECOND;
        assert!(!coverage.covers(start, start));
        assert!(coverage.confirm(start));
        assert!(!coverage.confirm(start + 5 * SECOND));
        assert!(coverage.covers(start, start + 14 * SECOND));
        assert!(!coverage.covers(start, start + 15 * SECOND));
        assert!(!coverage.is_ending(start + 9 * SECOND));
        assert!(coverage.is_ending(start + 11 * SECOND));
    }

    #[test]
    fn entry_from_before_a_gap_stays_uncovered() {
        let coverage = FeedCoverage::default();
        let start = Instant::now() + SECOND;
        coverage.confirm(start);
        let before = start + 19 * SECOND;
        let after = start + 20 * SECOND;
        assert!(coverage.confirm(after));
        for uncovered in [start, start + 5 * SECOND, before] {
            assert!(!coverage.covers(uncovered, after), "{uncovered:?}");
        }
        assert!(coverage.covers(after, after + SECOND));
    }

    #[test]
    fn late_confirmation_extends_nothing() {
        let coverage = FeedCoverage::default();
        let early = Instant::now() + 10 * SECOND;
        let start = early + 20 * SECOND;
        coverage.confirm(start);
        assert!(!coverage.confirm(early));
        assert!(coverage.covers(start, start + 9 * SECOND));
        assert!(!coverage.covers(start, start + 10 * SECOND));
    }

    #[test]
    fn excluded_time_is_not_covered() {
        let coverage = FeedCoverage::default();
        let start = Instant::now() + SECOND;
        coverage.confirm(start);
        coverage.exclude_until(start + 5 * SECOND);
        assert!(!coverage.covers(start + 4 * SECOND, start + 6 * SECOND));
        assert!(coverage.covers(start + 5 * SECOND, start + 6 * SECOND));
    }
}

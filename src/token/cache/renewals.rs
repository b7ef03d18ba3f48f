use std::time::{Duration, Instant};

use moka::{
    future::Cache,
    ops::compute::{CompResult, Op},
};

use crate::token::TokenInfo;

/// The time for which an attempt is recorded: longer than the time to the next one of most sessions.
const RETENTION: Duration = Duration::from_hours(24);

/// The minimum time between two attempts.
const MIN_INTERVAL: Duration = Duration::from_secs(1);

/// The times before which sessions are not renewed again, by accessor.
///
/// A session that Vault does not extend, since it has reached its maximum lifetime or its user was
/// deleted, would otherwise be renewed at each lookup until it ends.
pub(super) struct Renewals(Cache<Box<str>, Instant>);

impl Renewals {
    pub(super) fn new(capacity: u64) -> Self {
        Self(Cache::builder().max_capacity(capacity).time_to_live(RETENTION).build())
    }

    /// Returns true if the caller has to renew the session: less than a third of its lifetime is left,
    /// and it was not renewed before, or half of what was left at the last attempt has passed.
    pub(super) async fn begin(&self, info: &TokenInfo) -> bool {
        let now = Instant::now();
        let (Some(lifetime), Some(end)) = (info.renewable_lifetime, info.expiry.deadline()) else {
            return false;
        };
        let left = end.saturating_duration_since(now);
        if left >= lifetime / 3 {
            return false;
        }
        let begin = self.0.entry_by_ref(&info.accessor).and_compute_with(async |last| match last {
            Some(last) if now < *last.value() => Op::Nop,
            _ => Op::Put(now + MIN_INTERVAL.max(left / 2)),
        });
        matches!(begin.await, CompResult::Inserted(_) | CompResult::ReplacedWith(_))
    }
}

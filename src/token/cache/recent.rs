use std::time::{Duration, Instant};

use quick_cache::{
    UnitWeighter,
    sync::{Cache, DefaultLifecycle},
};

use crate::token::{PrehashedHasher, TokenKey};

/// The time for which a token counts as recently valid.
const PERIOD: Duration = Duration::from_hours(24);

/// The tokens that Vault accepted within the last 24 hours, by 64 bits of their keyed hashes, which
/// cannot be chosen from outside this process. Bounded, so a recently valid token may be absent.
pub(super) struct RecentlyValid {
    created: Instant,
    /// The time at which each token was accepted, in seconds since `created`.
    accepted: Cache<u64, u32, UnitWeighter, PrehashedHasher>,
}

impl RecentlyValid {
    /// Creates a set of at most `capacity` tokens.
    pub(super) fn new(capacity: u64) -> Self {
        let room = usize::try_from(capacity).unwrap_or(usize::MAX);
        let (weighter, hasher) = (UnitWeighter, PrehashedHasher::default());
        let accepted = Cache::with(room, capacity, weighter, hasher, DefaultLifecycle::default());
        Self { created: Instant::now(), accepted }
    }

    pub(super) fn add(&self, key: TokenKey) {
        self.accepted.insert(key.prefix(), self.seconds());
    }

    pub(super) fn contains(&self, key: TokenKey) -> bool {
        let accepted = self.accepted.get(&key.prefix());
        accepted.is_some_and(|accepted| {
            u64::from(self.seconds().saturating_sub(accepted)) < PERIOD.as_secs()
        })
    }

    /// Removes the tokens accepted more than 24 hours ago.
    pub(super) fn remove_expired(&self) {
        let now = self.seconds();
        self.accepted
            .retain(|_, accepted| u64::from(now.saturating_sub(*accepted)) < PERIOD.as_secs());
    }

    fn seconds(&self) -> u32 {
        u32::try_from(self.created.elapsed().as_secs()).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::RecentlyValid;
    use crate::token::{CacheKeyHasher, Credential};

    #[test]
    fn tokens_are_kept_up_to_capacity() {
        let (recent, keys) = (RecentlyValid::new(10), CacheKeyHasher::random());
        let key = |number: usize| {
            keys.key(&Credential::from_text(format!("s.{number}")).expect("well formed"))
        };
        recent.add(key(0));
        assert!(recent.contains(key(0)) && !recent.contains(key(1)));
        (0..1000).for_each(|number| recent.add(key(number)));
        assert!((0..1000).filter(|number| recent.contains(key(*number))).count() <= 10);
    }
}

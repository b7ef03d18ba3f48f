use std::{
    collections::HashSet,
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use moka::future::Cache;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{forwarded::rate_limit_key, token::TokenKey};

/// The time for which failures count against an address, from the first attempt on.
pub(super) const FAILURE_WINDOW: Duration = Duration::from_mins(1);

/// The maximum number of tracked addresses; the least active are evicted.
const MAX_ADDRESSES: u64 = 65_536;

/// Limits the number of invalid tokens per client address, so that a client that guesses tokens
/// does not load Vault.
///
/// An attempt is counted before the lookup, and given back if the token is valid. While as many
/// attempts are in flight as may still fail, further attempts wait for their outcome, so that valid
/// tokens are not denied because many arrived at once.
pub struct FailureLimiter {
    limit: Option<u32>,
    budgets: Cache<IpAddr, Arc<FailureBudget>>,
}

/// The remaining failures of one address.
struct FailureBudget {
    remaining: AtomicU32,
    /// One permit per remaining failure. Closed when none remains.
    attempts: Arc<Semaphore>,
    /// The tokens that were counted. A repeated token is not a guess.
    failed_tokens: Mutex<HashSet<TokenKey>>,
}

/// A permit to look up one token. Given back when dropped.
#[must_use]
pub(super) struct Attempt(Option<(Arc<FailureBudget>, OwnedSemaphorePermit)>);

/// The error for an address without remaining failures.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LimitReached;

impl FailureLimiter {
    /// Creates a limiter of failures per address and minute; `None` disables it.
    #[must_use]
    pub fn new(limit: Option<u32>) -> Self {
        let budgets =
            Cache::builder().max_capacity(MAX_ADDRESSES).time_to_live(FAILURE_WINDOW).build();
        Self { limit, budgets }
    }

    /// Waits for a permit to look up a token from this address. Clients without an address are not
    /// limited.
    pub(super) async fn begin_attempt(
        &self,
        client: Option<IpAddr>,
    ) -> Result<Attempt, LimitReached> {
        let (Some(client), Some(limit)) = (client, self.limit) else {
            return Ok(Attempt::unlimited());
        };
        let new = async { Arc::new(FailureBudget::new(limit)) };
        let budget = self.budgets.get_with(rate_limit_key(client), new).await;
        let permit = Arc::clone(&budget.attempts).acquire_owned().await;
        permit.map(|permit| Attempt(Some((budget, permit)))).map_err(|_| LimitReached)
    }

    /// Returns the number of addresses with attempts within the last minute.
    pub async fn address_count(&self) -> u64 {
        self.remove_expired().await;
        self.budgets.entry_count()
    }

    /// Removes expired failures.
    pub async fn remove_expired(&self) {
        self.budgets.run_pending_tasks().await;
    }
}

impl Attempt {
    /// Creates the permit of a client that is not limited.
    pub(super) fn unlimited() -> Self {
        Self(None)
    }

    /// Counts a failure against the address, once for each token.
    pub(super) fn fail(self, token: TokenKey) {
        let Some((budget, permit)) = self.0 else { return };
        let mut counted = budget.failed_tokens.lock().unwrap_or_else(PoisonError::into_inner);
        if !counted.insert(token) {
            return;
        }
        permit.forget();
        if budget.remaining.fetch_sub(1, Relaxed) == 1 {
            budget.attempts.close();
        }
    }
}

impl FailureBudget {
    fn new(limit: u32) -> Self {
        let permits = usize::try_from(limit).unwrap_or(Semaphore::MAX_PERMITS);
        let attempts = Arc::new(Semaphore::new(permits.min(Semaphore::MAX_PERMITS)));
        Self { remaining: AtomicU32::new(limit), attempts, failed_tokens: Mutex::default() }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use futures_util::FutureExt;

    use super::{FailureLimiter, LimitReached};
    use crate::token::{CacheKeyHasher, Credential, TokenKey};

    fn address(text: &str) -> Option<IpAddr> {
        text.parse().ok()
    }

    /// Returns a generator of distinct token keys.
    fn keys() -> impl FnMut() -> TokenKey {
        let (keys, mut number) = (CacheKeyHasher::random(), 0);
        move || {
            number += 1;
            keys.key(&Credential::from_text(format!("s.{number}")).expect("well formed"))
        }
    }

    async fn is_limited(failures: &FailureLimiter, client: &str) -> bool {
        failures.begin_attempt(address(client)).await.is_err()
    }

    #[tokio::test]
    async fn failures_limit_their_address_only() {
        let (failures, mut key) = (FailureLimiter::new(Some(2)), keys());
        failures.begin_attempt(address("192.0.2.1")).await.expect("a permit").fail(key());
        assert!(!is_limited(&failures, "192.0.2.1").await, "a valid attempt is given back");
        failures.begin_attempt(address("::ffff:192.0.2.1")).await.expect("a permit").fail(key());
        assert!(is_limited(&failures, "192.0.2.1").await);
        assert!(!is_limited(&failures, "192.0.2.2").await);
    }

    #[tokio::test]
    async fn token_counts_once_per_address() {
        let (failures, mut key) = (FailureLimiter::new(Some(2)), keys());
        let repeated = key();
        for client in ["192.0.2.1", "192.0.2.2"] {
            for _ in 0..10 {
                failures.begin_attempt(address(client)).await.expect("a permit").fail(repeated);
            }
            failures.begin_attempt(address(client)).await.expect("a permit").fail(key());
            assert!(is_limited(&failures, client).await);
        }
    }

    #[tokio::test]
    async fn excess_attempts_wait_for_those_in_flight() {
        let (failures, mut key) = (FailureLimiter::new(Some(2)), keys());
        let client = address("192.0.2.1");
        let first = failures.begin_attempt(client).await.expect("a permit");
        let second = failures.begin_attempt(client).await.expect("a permit");
        let mut third = Box::pin(failures.begin_attempt(client));
        assert!(third.as_mut().now_or_never().is_none(), "it waits");
        drop(first);
        let third = third.await.expect("a permit");
        let mut fourth = Box::pin(failures.begin_attempt(client));
        assert!(fourth.as_mut().now_or_never().is_none(), "it waits");
        second.fail(key());
        third.fail(key());
        assert_eq!(fourth.await.err(), Some(LimitReached));
    }

    #[tokio::test]
    async fn ipv6_clients_are_limited_per_64() {
        let (failures, mut key) = (FailureLimiter::new(Some(1)), keys());
        failures.begin_attempt(address("2001:db8:0:1::1")).await.expect("a permit").fail(key());
        assert!(is_limited(&failures, "2001:db8:0:1:ffff::2").await);
        assert!(!is_limited(&failures, "2001:db8:0:2::1").await);
    }

    #[tokio::test]
    async fn no_limit_or_address_means_unlimited() {
        let mut key = keys();
        for (limit, client) in [(None, "192.0.2.1"), (Some(1), "unknown")] {
            let failures = FailureLimiter::new(limit);
            failures.begin_attempt(address(client)).await.expect("a permit").fail(key());
            assert!(!is_limited(&failures, client).await);
        }
    }

    #[tokio::test]
    async fn number_of_addresses_is_bounded() {
        let (failures, mut key) = (FailureLimiter::new(Some(1)), keys());
        let key = key();
        for number in 0..200_000_u32 {
            let client = Some(number.to_be_bytes().into());
            failures.begin_attempt(client).await.expect("a permit").fail(key);
        }
        failures.remove_expired().await;
        assert!(failures.budgets.entry_count() <= super::MAX_ADDRESSES);
    }
}

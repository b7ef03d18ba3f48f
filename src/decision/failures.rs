use std::{
    collections::HashSet,
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use moka::future::Cache;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::token::TokenKey;

/// The time for which failures are held against an address, from the first attempt on.
pub(super) const WINDOW: Duration = Duration::from_mins(1);

/// How many addresses are kept in mind. Beyond that the ones that fail most stay.
const MAX_ADDRESSES: u64 = 65_536;

/// Limits how many tokens that Vault refuses one address may send, so that a client that keeps
/// guessing does not keep Vault busy.
///
/// An attempt is counted before Vault is asked and taken back if the token is good. While as many
/// attempts are under way as may still fail, further ones wait for their outcome: good tokens are
/// not refused because many came at once.
pub struct Failures {
    limit: Option<u32>,
    budgets: Cache<IpAddr, Arc<Budget>>,
}

/// The failures that are left to one address.
struct Budget {
    left: AtomicU32,
    /// A permit for each. Closed when none is left.
    attempts: Arc<Semaphore>,
    /// The tokens that were counted. A client that repeats one is not guessing.
    counted: Mutex<HashSet<TokenKey>>,
}

/// The leave to present one token. Dropped, it is given back.
#[must_use]
pub(super) struct Attempt(Option<(Arc<Budget>, OwnedSemaphorePermit)>);

/// An address has no failures left.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LimitReached;

impl Failures {
    /// Lets each address fail this often within a minute; any number of times if `None`.
    #[must_use]
    pub fn new(limit: Option<u32>) -> Self {
        let budgets = Cache::builder().max_capacity(MAX_ADDRESSES).time_to_live(WINDOW).build();
        Self { limit, budgets }
    }

    /// Waits for leave to present a token from this address; a client without one is not limited.
    pub(super) async fn attempt(&self, client: Option<IpAddr>) -> Result<Attempt, LimitReached> {
        let (Some(client), Some(limit)) = (client, self.limit) else {
            return Ok(Attempt::unlimited());
        };
        let new = async { Arc::new(Budget::new(limit)) };
        let budget = self.budgets.get_with(network(client), new).await;
        let permit = Arc::clone(&budget.attempts).acquire_owned().await;
        permit.map(|permit| Attempt(Some((budget, permit)))).map_err(|_| LimitReached)
    }

    /// Removes what is no longer held against anybody from memory.
    pub async fn remove_expired(&self) {
        self.budgets.run_pending_tasks().await;
    }
}

impl Attempt {
    /// The leave of a caller who is not limited.
    pub(super) fn unlimited() -> Self {
        Self(None)
    }

    /// Holds the attempt with this token against the address, once for each token.
    pub(super) fn fail(self, token: TokenKey) {
        let Some((budget, permit)) = self.0 else { return };
        let mut counted = budget.counted.lock().unwrap_or_else(PoisonError::into_inner);
        if !counted.insert(token) {
            return;
        }
        permit.forget();
        if budget.left.fetch_sub(1, Relaxed) == 1 {
            budget.attempts.close();
        }
    }
}

impl Budget {
    fn new(limit: u32) -> Self {
        let permits = usize::try_from(limit).unwrap_or(Semaphore::MAX_PERMITS);
        let attempts = Arc::new(Semaphore::new(permits.min(Semaphore::MAX_PERMITS)));
        Self { left: AtomicU32::new(limit), attempts, counted: Mutex::default() }
    }
}

/// What one client can be assumed to hold: an IPv4 address, or the 64 bits of an IPv6 network
/// within which it may choose addresses freely (RFC 4291, 2.5.4).
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use futures_util::FutureExt;

    use super::{Failures, LimitReached};
    use crate::token::{Credential, TokenKey, TokenKeys};

    fn address(text: &str) -> Option<IpAddr> {
        text.parse().ok()
    }

    /// Keys of tokens, each another.
    fn keys() -> impl FnMut() -> TokenKey {
        let (keys, mut number) = (TokenKeys::random(), 0);
        move || {
            number += 1;
            keys.key(&Credential::from_text(format!("s.{number}")).expect("well formed"))
        }
    }

    async fn is_limited(failures: &Failures, client: &str) -> bool {
        failures.attempt(address(client)).await.is_err()
    }

    #[tokio::test]
    async fn an_address_is_limited_after_its_failures_and_others_are_not() {
        let (failures, mut key) = (Failures::new(Some(2)), keys());
        failures.attempt(address("192.0.2.1")).await.expect("leave").fail(key());
        assert!(!is_limited(&failures, "192.0.2.1").await, "a good attempt is taken back");
        failures.attempt(address("::ffff:192.0.2.1")).await.expect("leave").fail(key());
        assert!(is_limited(&failures, "192.0.2.1").await);
        assert!(!is_limited(&failures, "192.0.2.2").await);
    }

    #[tokio::test]
    async fn a_token_counts_once_at_each_address() {
        let (failures, mut key) = (Failures::new(Some(2)), keys());
        let repeated = key();
        for client in ["192.0.2.1", "192.0.2.2"] {
            for _ in 0..10 {
                failures.attempt(address(client)).await.expect("leave").fail(repeated);
            }
            failures.attempt(address(client)).await.expect("leave").fail(key());
            assert!(is_limited(&failures, client).await);
        }
    }

    #[tokio::test]
    async fn attempts_beyond_the_limit_wait_for_those_under_way() {
        let (failures, mut key) = (Failures::new(Some(2)), keys());
        let client = address("192.0.2.1");
        let first = failures.attempt(client).await.expect("leave");
        let second = failures.attempt(client).await.expect("leave");
        let mut third = Box::pin(failures.attempt(client));
        assert!(third.as_mut().now_or_never().is_none(), "it waits");
        drop(first);
        let third = third.await.expect("leave");
        let mut fourth = Box::pin(failures.attempt(client));
        assert!(fourth.as_mut().now_or_never().is_none(), "it waits");
        second.fail(key());
        third.fail(key());
        assert_eq!(fourth.await.err(), Some(LimitReached));
    }

    #[tokio::test]
    async fn an_ipv6_client_does_not_escape_within_its_network() {
        let (failures, mut key) = (Failures::new(Some(1)), keys());
        failures.attempt(address("2001:db8:0:1::1")).await.expect("leave").fail(key());
        assert!(is_limited(&failures, "2001:db8:0:1:ffff::2").await);
        assert!(!is_limited(&failures, "2001:db8:0:2::1").await);
    }

    #[tokio::test]
    async fn without_a_limit_or_an_address_nothing_is_held_against_anybody() {
        let mut key = keys();
        for (limit, client) in [(None, "192.0.2.1"), (Some(1), "unknown")] {
            let failures = Failures::new(limit);
            failures.attempt(address(client)).await.expect("leave").fail(key());
            assert!(!is_limited(&failures, client).await);
        }
    }

    #[tokio::test]
    async fn two_hundred_thousand_addresses_do_not_fill_the_memory() {
        let (failures, mut key) = (Failures::new(Some(1)), keys());
        let key = key();
        for number in 0..200_000_u32 {
            let client = Some(number.to_be_bytes().into());
            failures.attempt(client).await.expect("leave").fail(key);
        }
        failures.remove_expired().await;
        assert!(failures.budgets.entry_count() <= super::MAX_ADDRESSES);
    }
}

use std::{
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use moka::future::Cache;

/// How long failures are held against an address, from the first on.
pub(super) const WINDOW: Duration = Duration::from_mins(1);

/// How many addresses are kept in mind. Beyond that the ones that fail most stay.
const MAX_ADDRESSES: u64 = 65_536;

/// Counts how often clients fail, so that one that keeps guessing does not keep Vault busy.
pub struct Failures {
    limit: Option<u32>,
    counts: Cache<IpAddr, Arc<AtomicU32>>,
}

impl Failures {
    /// Lets each address fail this often within a minute; any number of times if `None`.
    #[must_use]
    pub fn new(limit: Option<u32>) -> Self {
        let counts = Cache::builder().max_capacity(MAX_ADDRESSES).time_to_live(WINDOW).build();
        Self { limit, counts }
    }

    /// Holds a failure against this address.
    pub(super) async fn add(&self, client: Option<IpAddr>) {
        if let (Some(client), Some(_)) = (client, self.limit) {
            let count = self.counts.get_with(network(client), async { Arc::default() }).await;
            count.fetch_add(1, Relaxed);
        }
    }

    /// Whether this address has failed too often.
    pub(super) async fn are_too_many(&self, client: Option<IpAddr>) -> bool {
        let (Some(client), Some(limit)) = (client, self.limit) else { return false };
        let count = self.counts.get(&network(client)).await;
        count.is_some_and(|count| count.load(Relaxed) >= limit)
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

    use super::Failures;

    fn address(text: &str) -> Option<IpAddr> {
        text.parse().ok()
    }

    #[tokio::test]
    async fn an_address_that_fails_too_often_is_known_and_others_are_not() {
        let failures = Failures::new(Some(2));
        failures.add(address("192.0.2.1")).await;
        assert!(!failures.are_too_many(address("192.0.2.1")).await);
        failures.add(address("::ffff:192.0.2.1")).await;
        assert!(failures.are_too_many(address("192.0.2.1")).await);
        assert!(!failures.are_too_many(address("192.0.2.2")).await);
    }

    #[tokio::test]
    async fn an_ipv6_client_does_not_escape_within_its_network() {
        let failures = Failures::new(Some(1));
        failures.add(address("2001:db8:0:1::1")).await;
        assert!(failures.are_too_many(address("2001:db8:0:1:ffff::2")).await);
        assert!(!failures.are_too_many(address("2001:db8:0:2::1")).await);
    }

    #[tokio::test]
    async fn without_a_limit_or_an_address_nothing_is_held_against_anybody() {
        for (limit, client) in [(None, address("192.0.2.1")), (Some(1), None)] {
            let failures = Failures::new(limit);
            failures.add(client).await;
            assert!(!failures.are_too_many(client).await);
        }
    }

    #[tokio::test]
    async fn a_million_addresses_do_not_fill_the_memory() {
        let failures = Failures::new(Some(1));
        for number in 0..200_000_u32 {
            failures.add(Some(IpAddr::from(number.to_be_bytes()))).await;
        }
        failures.counts.run_pending_tasks().await;
        assert!(failures.counts.entry_count() <= super::MAX_ADDRESSES);
    }
}

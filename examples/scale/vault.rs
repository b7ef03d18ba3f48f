//! Vault, as a queue that handles a number of calls per second, and the limits on calls of each replica.

use std::collections::VecDeque;

use crate::cache::{SECOND, Ticks};

/// The time after which a client that waits for a lookup gets a 503 (`VALIDATOR_VAULT_TIMEOUT`).
const TIMEOUT: Ticks = 2 * SECOND;

/// A Vault that all replicas share.
pub struct Vault {
    /// The time that each lookup takes of one node's capacity.
    cost: f64,
    /// The number of nodes.
    nodes: f64,
    /// The time from Vault's call to its response, if Vault is idle.
    latency: Ticks,
    /// The time at which Vault has handled all lookups so far.
    free_at: f64,
}

impl Vault {
    /// Creates a Vault whose nodes each handle `capacity` lookups per second.
    pub fn new(capacity: f64, nodes: usize, latency: Ticks) -> Self {
        let cost = f64::from(SECOND) / capacity;
        Self { cost, nodes: nodes as f64, latency, free_at: 0.0 }
    }

    fn finish(&mut self, nodes: Nodes, start: Ticks) -> Ticks {
        let cost = match nodes {
            Nodes::Active => self.cost,
            Nodes::Any => self.cost / self.nodes,
        };
        self.free_at = self.free_at.max(f64::from(start)) + cost;
        (self.free_at as Ticks).max(start + self.latency)
    }
}

/// The nodes that may respond to a lookup.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Nodes {
    /// The active one, while the feed is relied on: another one may be behind it.
    Active,
    Any,
}

/// The lookups of one replica that are limited together: `in_flight` of them at once, while others wait.
pub struct Pool {
    in_flight: usize,
    /// The maximum number of lookups that are in flight or wait.
    capacity: usize,
    /// The times at which the lookups end, in order.
    ends: VecDeque<Ticks>,
}

/// A lookup that was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lookup {
    /// The time at which Vault is called.
    pub start: Ticks,
    pub end: Ticks,
}

impl Lookup {
    /// Returns true if a client that asks now gets a response in time.
    pub fn is_in_time(self, now: Ticks) -> bool {
        self.end - now <= TIMEOUT
    }
}

impl Pool {
    /// Creates the pool of tokens that Vault accepted within 24 hours.
    pub fn known() -> Self {
        Self::new(256, 8192)
    }

    /// Creates the pool of all other tokens.
    pub fn unknown() -> Self {
        Self::new(32, 256)
    }

    fn new(in_flight: usize, capacity: usize) -> Self {
        Self { in_flight, capacity, ends: VecDeque::new() }
    }

    /// Looks a token up; `None` if too many lookups wait.
    pub fn look_up(&mut self, vault: &mut Vault, nodes: Nodes, now: Ticks) -> Option<Lookup> {
        while self.ends.front().is_some_and(|end| *end <= now) {
            self.ends.pop_front();
        }
        if self.ends.len() >= self.capacity {
            return None;
        }
        // The lookup starts when the one ends that leaves room for it.
        let before = self.ends.len().checked_sub(self.in_flight);
        let start = before.map_or(now, |at| self.ends[at]);
        let end = vault.finish(nodes, start);
        self.ends.push_back(end);
        Some(Lookup { start, end })
    }
}

#[cfg(test)]
mod tests {
    use super::{Lookup, Nodes::*, Pool, Vault};
    use crate::cache::SECOND;

    #[test]
    fn idle_vault_responds_after_its_latency() {
        let mut vault = Vault::new(1000.0, 1, 20);
        let lookup = Pool::known().look_up(&mut vault, Active, 500);
        assert_eq!(lookup, Some(Lookup { start: 500, end: 520 }));
    }

    #[test]
    fn lookups_wait_for_vault() {
        // 1,000 lookups per second are 10 ticks for each.
        for (nodes, end) in [(Active, 900), (Any, 300)] {
            let (mut vault, mut pool) = (Vault::new(1000.0, 3, 0), Pool::known());
            let ends = (0..90).map(|_| pool.look_up(&mut vault, nodes, 0).map(|lookup| lookup.end));
            assert!(ends.last().flatten().is_some_and(|last| last.abs_diff(end) <= 1));
        }
    }

    #[test]
    fn unknown_tokens_share_32_calls() {
        // With 100 ms for each, 32 calls at once are 320 lookups per second.
        let (mut vault, mut pool) = (Vault::new(1e6, 1, SECOND / 10), Pool::unknown());
        let lookups: Vec<_> = (0..257).map(|_| pool.look_up(&mut vault, Active, 0)).collect();
        assert_eq!(lookups[31], Some(Lookup { start: 0, end: 1000 }));
        assert_eq!(lookups[32], Some(Lookup { start: 1000, end: 2000 }));
        assert_eq!(lookups[255].map(|lookup| lookup.end), Some(8 * 1000));
        assert_eq!(lookups[256], None);
        assert!(pool.look_up(&mut vault, Active, 1000).is_some());
    }

    #[test]
    fn late_response_is_too_late_for_the_client() {
        let lookup = Lookup { start: 0, end: 3 * SECOND };
        assert!(!lookup.is_in_time(SECOND - 1));
        assert!(lookup.is_in_time(SECOND));
    }
}

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use ipnet::IpNet;
use serde::Serialize;

use crate::{
    capabilities::Capabilities,
    token::{
        CallerIdentity, ResponseNode, TokenInfo, TokenKind, TokenUsage,
        cache::{
            audit_hashes::EntryHashes, invalidation::NameHash, lifetime::Lifetimes, millis::Millis,
        },
    },
};

/// A cached valid token, in the form that requests are authorized with.
#[derive(Debug)]
pub struct TokenEntry {
    /// The caller's identity.
    pub identity: CallerIdentity,
    /// The token's accessor in Vault; empty for batch tokens.
    pub accessor: Box<str>,
    /// The kind of the token, which decides if it is accepted at all.
    pub kind: TokenKind,
    /// The limit on the number of uses.
    pub usage: TokenUsage,
    /// The networks that the token may be used from; empty for any.
    pub bound_cidrs: Box<[IpNet]>,
    /// True if the token ends with another one that created it.
    pub(super) has_parent: bool,
    /// The node that the token information is from.
    pub(super) node: ResponseNode,
    /// The name of the caller's entity, if it was read.
    pub(super) entity_name: Option<NameHash>,
    /// The hashes of the token in Vault's audit log.
    pub(super) hashes: EntryHashes,
    /// The time at which Vault was called.
    pub(super) fetched_at: Instant,
    /// The freshness lifetime, from `fetched_at` on.
    fresh_for: Millis,
    /// The age at which the entry is refreshed in the background.
    refresh_after: Millis,
    /// The age up to which the entry may be served while Vault is unavailable.
    usable_for: Millis,
    /// The age at which the token expires; the maximum if it does not.
    expires_after: Millis,
    /// True if a background refresh was started.
    refreshing: AtomicBool,
    /// The id by which capabilities are cached, unique to the token: cached capabilities are
    /// dropped with the entry. A refreshed entry keeps the id of the entry that it replaces.
    pub(super) id: u64,
    /// The number of invalidations at the time of the call.
    pub(super) generation: u64,
}

/// The source of a result. A result that combines several has the greatest of their statuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CacheStatus {
    /// Served from the cache.
    Hit,
    /// Fetched from Vault.
    Miss,
    /// Served from the cache after its freshness lifetime, because Vault is unavailable.
    Stale,
}

/// The result of looking up a token.
#[derive(Debug)]
pub struct TokenLookup {
    /// The entry of a valid token; `None` for a token that Vault rejects.
    pub entry: Option<Arc<TokenEntry>>,
    /// The source of the result.
    pub status: CacheStatus,
}

impl CacheStatus {
    /// All statuses, in the order of their discriminants.
    pub const ALL: [Self; 3] = [Self::Hit, Self::Miss, Self::Stale];

    /// Returns the value of the `X-Auth-Cache` header.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::Stale => "stale",
        }
    }
}

/// The result of looking up a token's capabilities.
#[derive(Debug)]
pub struct CapabilityLookup {
    /// The capabilities, in the order of the paths; `None` if Vault now rejects the token.
    pub capabilities: Option<Arc<[Capabilities]>>,
    /// The source of the result.
    pub status: CacheStatus,
}

/// The time, id and number of invalidations that an entry is stamped with when Vault is called.
#[derive(Clone, Copy)]
pub(super) struct FetchStamp {
    pub(super) fetched_at: Instant,
    pub(super) id: u64,
    pub(super) generation: u64,
}

impl TokenEntry {
    /// Creates an entry that is fresh for the configured time, but not during the token's last
    /// second: Vault reports the remaining lifetime in whole seconds only.
    pub(super) fn new(info: TokenInfo, stamp: FetchStamp, lifetimes: &Lifetimes) -> Self {
        let identity = CallerIdentity::new(&info);
        let FetchStamp { fetched_at, id, generation } = stamp;
        let deadline = info.expiry.deadline();
        let left = deadline.map_or(Duration::MAX, |end| end.saturating_duration_since(fetched_at));
        let ttl = lifetimes.of_token(&info, fetched_at);
        let fresh_for = ttl.min(left.saturating_sub(Duration::from_secs(1)));
        let usable_for = lifetimes.usable_for(fresh_for).min(left);
        Self {
            identity,
            accessor: info.accessor,
            kind: info.kind,
            usage: info.usage,
            bound_cidrs: info.bound_cidrs.into(),
            has_parent: info.has_parent,
            node: info.source.node,
            entity_name: info.entity_name.as_deref().map(NameHash::of),
            hashes: EntryHashes::default(),
            fetched_at,
            fresh_for: Millis::of(fresh_for),
            refresh_after: Millis::of(Lifetimes::refresh_age(fresh_for)),
            usable_for: Millis::of(usable_for),
            expires_after: Millis::of(left),
            refreshing: AtomicBool::new(false),
            id,
            generation,
        }
    }

    /// Returns true if the refresh time has passed at this age, and no refresh was started.
    pub(super) fn is_refresh_due(&self, age: Millis, now: Instant, lifetimes: &Lifetimes) -> bool {
        (age >= self.refresh_after || lifetimes.is_coverage_ending(age, self.fetched_at, now))
            && !self.refreshing.load(Relaxed)
    }

    /// Claims the refresh of this entry. Returns true to the first caller only.
    pub(super) fn claim_refresh(&self) -> bool {
        !self.refreshing.swap(true, Relaxed)
    }

    /// Returns true if this age is within the freshness lifetime.
    pub(super) fn is_fresh(&self, age: Millis, now: Instant, lifetimes: &Lifetimes) -> bool {
        age < self.fresh_for && lifetimes.allow(age, self.fetched_at, now)
    }

    /// Returns true if the entry may be cached. A limited-use token is never cached, since each use
    /// has to reach Vault.
    pub(super) fn is_cacheable(&self, lifetimes: &Lifetimes) -> bool {
        let now = Instant::now();
        self.usage == TokenUsage::Unlimited && self.is_fresh(self.age(now), now, lifetimes)
    }

    /// Returns true if the entry may still be served while Vault is unavailable.
    pub(super) fn is_usable(&self, now: Instant, lifetimes: &Lifetimes) -> bool {
        let age = self.age(now);
        age < self.usable_for && lifetimes.allow_stale(age, self.fetched_at, now)
    }

    /// Returns the remaining lifetime of the token, by this machine's monotonic clock, at most 49 days.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        Duration::from(self.expires_after).saturating_sub(self.fetched_at.elapsed())
    }

    /// Returns the time since Vault was called.
    pub(super) fn age(&self, now: Instant) -> Millis {
        Millis::between(self.fetched_at, now)
    }
}

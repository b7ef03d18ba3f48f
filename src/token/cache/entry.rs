use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use ipnet::IpNet;
use serde::Serialize;

use crate::{
    capabilities::Capabilities,
    token::{CallerIdentity, TokenInfo, TokenKind, TokenUsage, cache::CacheSettings},
};

/// The fraction of the freshness lifetime after which a cached result in use is refreshed.
pub(super) const REFRESH_AT: f64 = 0.75;

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
    /// The time at which Vault was called.
    pub(super) fetched_at: Instant,
    /// The freshness lifetime, from `fetched_at` on.
    fresh_for: AtomicMillis,
    /// The age at which the entry is refreshed in the background.
    refresh_after: AtomicMillis,
    /// The age up to which the entry may be served while Vault is unavailable.
    usable_for: AtomicMillis,
    /// The age at which the token expires; the maximum if it does not.
    expires_after: Millis,
    /// True if a background refresh was started.
    refreshing: AtomicBool,
    /// The id by which capabilities are cached, unique to the token: cached capabilities are
    /// dropped with the entry. A refreshed entry keeps the id of the entry that it replaces.
    pub(super) id: u64,
    /// The eviction count at the time of the call.
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

/// The time, id and eviction count that an entry is stamped with when Vault is called.
#[derive(Clone, Copy)]
pub(super) struct FetchStamp {
    pub(super) fetched_at: Instant,
    pub(super) id: u64,
    pub(super) generation: u64,
}

/// A duration in whole milliseconds, at most 49 days, in four bytes.
#[derive(Clone, Copy, Debug)]
struct Millis(u32);

impl Millis {
    /// Rounds a duration down.
    fn of(time: Duration) -> Self {
        Self(u32::try_from(time.as_millis()).unwrap_or(u32::MAX))
    }

    fn is_past(self, age: Duration) -> bool {
        age >= Duration::from_millis(self.0.into())
    }
}

/// Such a duration that can be shortened.
#[derive(Debug)]
struct AtomicMillis(AtomicU32);

impl AtomicMillis {
    fn of(time: Duration) -> Self {
        Self(Millis::of(time).0.into())
    }

    fn get(&self) -> Millis {
        Millis(self.0.load(Relaxed))
    }

    /// Shortens it to at most this time.
    fn shorten_to(&self, time: Duration) {
        self.0.fetch_min(Millis::of(time).0, Relaxed);
    }
}

impl TokenEntry {
    /// Creates an entry that is fresh for the configured time, but not during the token's last
    /// second: Vault reports the remaining lifetime in whole seconds only.
    pub(super) fn new(info: TokenInfo, stamp: FetchStamp, settings: &CacheSettings) -> Self {
        let identity = CallerIdentity::new(&info);
        let FetchStamp { fetched_at, id, generation } = stamp;
        let deadline = info.expiry.deadline();
        let left = deadline.map_or(Duration::MAX, |end| end.saturating_duration_since(fetched_at));
        let fresh_for = settings.ttl.min(left.saturating_sub(Duration::from_secs(1)));
        let usable_for = fresh_for.saturating_add(settings.stale_grace).min(left);
        Self {
            identity,
            accessor: info.accessor,
            kind: info.kind,
            usage: info.usage,
            bound_cidrs: info.bound_cidrs.into(),
            fetched_at,
            fresh_for: AtomicMillis::of(fresh_for),
            refresh_after: AtomicMillis::of(fresh_for.mul_f64(REFRESH_AT)),
            usable_for: AtomicMillis::of(usable_for),
            expires_after: Millis::of(left),
            refreshing: AtomicBool::new(false),
            id,
            generation,
        }
    }

    /// Shortens the lifetimes to those of these settings, which may be others than when the entry was
    /// created. They are never extended.
    pub(super) fn limit_lifetimes(&self, settings: &CacheSettings) {
        self.fresh_for.shorten_to(settings.ttl);
        self.refresh_after.shorten_to(settings.ttl.mul_f64(REFRESH_AT));
        let Millis(fresh_for) = self.fresh_for.get();
        let fresh_for = Duration::from_millis(fresh_for.into());
        self.usable_for.shorten_to(fresh_for.saturating_add(settings.stale_grace));
    }

    /// Returns true if the refresh time has passed at this age, and no refresh was started.
    pub(super) fn needs_refresh(&self, age: Duration) -> bool {
        self.refresh_after.get().is_past(age) && !self.refreshing.load(Relaxed)
    }

    /// Claims the refresh of this entry. Returns true to the first caller only.
    pub(super) fn claim_refresh(&self) -> bool {
        !self.refreshing.swap(true, Relaxed)
    }

    /// Returns true if this age is within the freshness lifetime.
    pub(super) fn is_fresh(&self, age: Duration) -> bool {
        !self.fresh_for.get().is_past(age)
    }

    /// Returns true if the entry may be cached. A limited-use token is never cached, since each use
    /// has to reach Vault.
    pub(super) fn is_cacheable(&self) -> bool {
        self.usage == TokenUsage::Unlimited && self.is_fresh(self.age(Instant::now()))
    }

    /// Returns true if the entry may still be served while Vault is unavailable.
    pub(super) fn is_usable(&self, now: Instant) -> bool {
        !self.usable_for.get().is_past(self.age(now))
    }

    /// Returns the remaining lifetime of the token, by this machine's monotonic clock, at most 49 days.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        let Millis(expiry) = self.expires_after;
        Duration::from_millis(expiry.into()).saturating_sub(self.age(Instant::now()))
    }

    /// Returns the time since Vault was called.
    pub(super) fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.fetched_at)
    }
}

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use quick_cache::Lifecycle;

use crate::token::{TokenEntry, TokenKey};

/// The cause for which a valid token was removed from the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EvictionCause {
    /// Its entry was too old to be served.
    Expired,
    /// The cache was full.
    Size,
    /// Its accessor or its entity was evicted, by an operator or by an entry of Vault's audit log.
    Revoked,
    /// Vault rejected it.
    Rejected,
    /// The cache was cleared.
    Cleared,
}

impl EvictionCause {
    /// All causes, in the order of their discriminants.
    pub const ALL: [Self; 5] =
        [Self::Expired, Self::Size, Self::Revoked, Self::Rejected, Self::Cleared];

    /// Returns the name, as in the label of the metric.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Size => "size",
            Self::Revoked => "revoked",
            Self::Rejected => "rejected",
            Self::Cleared => "cleared",
        }
    }
}

/// The numbers of valid tokens that were removed from a cache since its creation.
#[derive(Clone, Copy, Debug, Default)]
pub struct EvictionCounts([u64; EvictionCause::ALL.len()]);

impl EvictionCounts {
    /// Returns the number of tokens that were removed for this cause.
    #[must_use]
    pub fn of(self, cause: EvictionCause) -> u64 {
        self.0[cause as usize]
    }
}

/// Counts the tokens that are removed from a cache. Clones share the counts.
#[derive(Clone, Default)]
pub(super) struct EvictionCounter(Arc<[AtomicU64; EvictionCause::ALL.len()]>);

impl EvictionCounter {
    pub(super) fn add(&self, cause: EvictionCause, tokens: u64) {
        self.0[cause as usize].fetch_add(tokens, Relaxed);
    }

    pub(super) fn total(&self) -> EvictionCounts {
        EvictionCounts(EvictionCause::ALL.map(|cause| self.0[cause as usize].load(Relaxed)))
    }
}

impl Lifecycle<TokenKey, Arc<TokenEntry>> for EvictionCounter {
    type RequestState = ();

    /// Called when the cache is full, and not when an entry is removed or replaced.
    fn on_evict(&self, (): &mut (), _: TokenKey, _: Arc<TokenEntry>) {
        self.add(EvictionCause::Size, 1);
    }
}

use std::{
    collections::HashSet,
    num::NonZeroU32,
    sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
    time::Duration,
};

use crate::token::{AuditJoin, TokenKey, cache::invalidation::AuditHash};

/// The time for which one of the two, the response to a lookup or its audit entry, waits for the other.
const JOIN_TIMEOUT: Duration = Duration::from_secs(30);

/// The maximum number of lookups that wait for the other part.
const MAX_WAITING: u64 = 20_000;

/// The hashes by which a token and its accessor are written to Vault's audit log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LookupHashes {
    /// The hash of the token.
    pub token: AuditHash,
    /// The hash of its accessor.
    pub accessor: AuditHash,
}

/// The hashes of a cached token, as far as they are known.
#[derive(Debug, Default)]
pub(super) struct EntryHashes {
    token: StoredHash,
    accessor: StoredHash,
}

/// A hash; zero while it is unknown, and the greatest value if entries of several audit devices have
/// different ones.
#[derive(Debug, Default)]
struct StoredHash(AtomicU32);

impl EntryHashes {
    pub(super) fn set(&self, hashes: LookupHashes) {
        self.token.set(hashes.token);
        self.accessor.set(hashes.accessor);
    }

    /// Takes over what is known of the same token.
    pub(super) fn copy_from(&self, other: &Self) {
        self.token.0.store(other.token.0.load(Relaxed), Relaxed);
        self.accessor.0.store(other.accessor.0.load(Relaxed), Relaxed);
    }

    /// Returns true if the token's hash, or its accessor's, is or may be among these.
    pub(super) fn may_be_among(
        &self,
        tokens: &HashSet<AuditHash>,
        accessors: &HashSet<AuditHash>,
    ) -> bool {
        self.token.may_be_among(tokens) || self.accessor.may_be_among(accessors)
    }
}

impl StoredHash {
    const AMBIGUOUS: u32 = u32::MAX;

    fn set(&self, AuditHash(hash): AuditHash) {
        let set = self.0.compare_exchange(0, hash.get(), Relaxed, Relaxed);
        if set.is_err_and(|known| known != hash.get()) {
            self.0.store(Self::AMBIGUOUS, Relaxed);
        }
    }

    fn may_be_among(&self, hashes: &HashSet<AuditHash>) -> bool {
        if hashes.is_empty() {
            return false;
        }
        match NonZeroU32::new(self.0.load(Relaxed)) {
            Some(known) if known.get() != Self::AMBIGUOUS => hashes.contains(&AuditHash(known)),
            _ => true,
        }
    }
}

/// Joins the responses to lookups with the audit entries about them, once there are any.
pub(super) struct HashJoin {
    /// True once an audit entry has arrived: without a feed there is nothing to join.
    is_active: AtomicBool,
    lookups: AuditJoin<LookupHashes, TokenKey>,
}

impl HashJoin {
    pub(super) fn new() -> Self {
        let lookups = AuditJoin::new(JOIN_TIMEOUT, MAX_WAITING);
        Self { is_active: AtomicBool::new(false), lookups }
    }

    /// Adds an audit entry. Returns the key of the token if the response has arrived.
    pub(super) fn add_entry(&self, request_id: &str, hashes: LookupHashes) -> Option<TokenKey> {
        self.is_active.store(true, Relaxed);
        self.lookups.add_entry(request_id, hashes)
    }

    /// Adds a response. Returns the hashes if the audit entry has arrived.
    pub(super) fn add_response(&self, request_id: &str, key: TokenKey) -> Option<LookupHashes> {
        let is_active = self.is_active.load(Relaxed);
        is_active.then(|| self.lookups.add_response(request_id, key)).flatten()
    }
}

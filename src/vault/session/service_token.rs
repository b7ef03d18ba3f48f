use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::{Duration, Instant},
};

use secrecy::{ExposeSecret, SecretString};

use crate::token::CallerToken;

/// The maximum lease; a longer one is treated as this long.
const MAX_LEASE: Duration = Duration::from_hours(24 * 366);

/// The token of the service or the command, which requests to Vault are made with.
pub(crate) struct ServiceToken {
    pub(crate) token: SecretString,
    accessor: Option<String>,
    /// The entity that all tokens of this service share, other instances' included.
    entity_id: Option<String>,
    issued: Instant,
    lease: Option<Lease>,
    accepted: AtomicBool,
}

/// The properties of a token as Vault issued, renewed or looked it up.
pub(super) struct TokenGrant {
    /// The time at which the token was requested.
    pub(super) requested: Instant,
    pub(super) accessor: Option<String>,
    /// The entity of the token, if it is the service's alone.
    pub(super) entity_id: Option<String>,
    /// The lifetime in seconds; `None` if it is unlimited. Vault reports zero within the last
    /// second.
    pub(super) seconds: Option<u64>,
    pub(super) renewable: bool,
}

#[derive(Clone, Copy)]
struct Lease {
    length: Duration,
    renewable: bool,
}

impl ServiceToken {
    pub(super) fn new(token: SecretString, grant: TokenGrant) -> Self {
        let TokenGrant { requested, accessor, entity_id, seconds, renewable } = grant;
        let length = |seconds: u64| Duration::from_secs(seconds.max(1)).min(MAX_LEASE);
        Self {
            token,
            accessor: accessor.filter(|accessor| !accessor.is_empty()),
            entity_id: entity_id.filter(|id| !id.is_empty()),
            issued: requested,
            lease: seconds.map(|seconds| Lease { length: length(seconds), renewable }),
            accepted: AtomicBool::new(false),
        }
    }

    /// Records that Vault has accepted a request with this token.
    pub(crate) fn mark_accepted(&self) {
        self.accepted.store(true, Relaxed);
    }

    /// Returns true if Vault has ever accepted a request with this token.
    pub(super) fn was_accepted(&self) -> bool {
        self.accepted.load(Relaxed)
    }

    /// Returns the lease; zero for a token that never expires.
    pub(super) fn lease_length(&self) -> Duration {
        self.lease.map_or(Duration::ZERO, |lease| lease.length)
    }

    /// Returns true if Vault can renew the token.
    pub(super) fn is_renewable(&self) -> bool {
        self.lease.is_some_and(|lease| lease.renewable)
    }

    /// Returns true if the lease has ended.
    pub(super) fn is_expired(&self) -> bool {
        self.lease.is_some_and(|lease| self.issued.elapsed() >= lease.length)
    }

    /// Returns the rest of the lease; `None` for a token that never expires.
    pub(super) fn remaining(&self) -> Option<Duration> {
        self.lease.map(|lease| lease.length.saturating_sub(self.issued.elapsed()))
    }

    /// Returns the time at which to renew the token; `None` if it never expires. It is at a random
    /// point between half and two thirds of the lease, so that instances that were started together
    /// do not renew together.
    pub(super) fn renewal(&self) -> Option<Instant> {
        let Lease { length, .. } = self.lease?;
        self.issued.checked_add(length.mul_f64(rand::random_range(0.5..0.67)))
    }

    /// Returns true if the presented token is this one. Compares hashes, in constant time.
    pub(crate) fn is_same_as(&self, presented: &CallerToken) -> bool {
        blake3::hash(self.token.expose_secret().as_bytes())
            == blake3::hash(presented.expose().as_bytes())
    }

    /// Returns the token as a caller would present it.
    pub(crate) fn to_token(&self) -> CallerToken {
        CallerToken::from(self.token.clone())
    }

    /// Returns true if the token has an accessor, as all but batch tokens have.
    pub(super) fn has_accessor(&self) -> bool {
        self.accessor.is_some()
    }

    /// Returns true if this is the token's accessor.
    pub(crate) fn matches_accessor(&self, accessor: Option<&str>) -> bool {
        self.accessor.is_some() && self.accessor.as_deref() == accessor
    }

    /// Returns true if this is the entity of the service's tokens, of whichever instance.
    pub(crate) fn matches_entity(&self, entity_id: Option<&str>) -> bool {
        self.entity_id.is_some() && self.entity_id.as_deref() == entity_id
    }
}

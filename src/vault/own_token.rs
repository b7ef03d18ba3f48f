use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::{Duration, Instant},
};

use secrecy::{ExposeSecret, SecretString};

use crate::token::Token;

/// The longest lease that is reckoned with; longer ones are cut to it.
const LONGEST: Duration = Duration::from_hours(24 * 366);

/// The token that the service works with.
pub(crate) struct OwnToken {
    pub(crate) token: SecretString,
    accessor: Option<String>,
    /// The entity that all tokens of this service share, other instances' included.
    entity_id: Option<String>,
    issued: Instant,
    lease: Option<Lease>,
    served: AtomicBool,
}

/// What came with a token.
pub(crate) struct Issue {
    /// When it was asked for.
    pub(crate) asked: Instant,
    pub(crate) accessor: Option<String>,
    /// The entity behind it, if that is the service's alone.
    pub(crate) entity_id: Option<String>,
    /// How long it lives; for ever if `None`. Vault says zero within the last second.
    pub(crate) seconds: Option<u64>,
    pub(crate) renewable: bool,
}

#[derive(Clone, Copy)]
struct Lease {
    length: Duration,
    renewable: bool,
}

impl OwnToken {
    pub(crate) fn new(token: SecretString, issue: Issue) -> Self {
        let Issue { asked, accessor, entity_id, seconds, renewable } = issue;
        let length = |seconds: u64| Duration::from_secs(seconds.max(1)).min(LONGEST);
        Self {
            token,
            accessor: accessor.filter(|accessor| !accessor.is_empty()),
            entity_id: entity_id.filter(|id| !id.is_empty()),
            issued: asked,
            lease: seconds.map(|seconds| Lease { length: length(seconds), renewable }),
            served: AtomicBool::new(false),
        }
    }

    /// Notes that Vault has answered somebody's question that was asked with it.
    pub(crate) fn serve(&self) {
        self.served.store(true, Relaxed);
    }

    /// Whether Vault has ever done so.
    pub(crate) fn has_served(&self) -> bool {
        self.served.load(Relaxed)
    }

    /// How long it lives; no time at all if it has no end.
    pub(crate) fn lease_length(&self) -> Duration {
        self.lease.map_or(Duration::ZERO, |lease| lease.length)
    }

    /// Whether Vault would prolong its life.
    pub(crate) fn is_renewable(&self) -> bool {
        self.lease.is_some_and(|lease| lease.renewable)
    }

    /// Whether its life has run out.
    pub(crate) fn is_over(&self) -> bool {
        self.lease.is_some_and(|lease| self.issued.elapsed() >= lease.length)
    }

    /// When to renew it, if ever: a moment between half and two thirds of its life, so that many
    /// instances started together do not come back together.
    pub(crate) fn renewal(&self) -> Option<Instant> {
        let Lease { length, .. } = self.lease?;
        self.issued.checked_add(length.mul_f64(rand::random_range(0.5..0.67)))
    }

    /// Whether this very token was presented. Compared by hash, in constant time.
    pub(crate) fn is(&self, presented: &Token) -> bool {
        blake3::hash(self.token.expose_secret().as_bytes())
            == blake3::hash(presented.expose().as_bytes())
    }

    /// The token as a caller would present it.
    pub(crate) fn as_presented(&self) -> Token {
        Token::from(self.token.clone())
    }

    /// Whether it has an accessor, as all but batch tokens have.
    pub(crate) fn has_accessor_at_all(&self) -> bool {
        self.accessor.is_some()
    }

    /// Whether this is the token's accessor.
    pub(crate) fn has_accessor(&self, accessor: Option<&str>) -> bool {
        self.accessor.is_some() && self.accessor.as_deref() == accessor
    }

    /// Whether a token of this entity is one of the service's, of whichever instance.
    pub(crate) fn shares_entity(&self, entity_id: Option<&str>) -> bool {
        self.entity_id.is_some() && self.entity_id.as_deref() == entity_id
    }
}

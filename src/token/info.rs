use std::time::{Duration, Instant};

use ipnet::IpNet;
use jiff::Timestamp;

use crate::{tenants::TenantName, wall_clock::now};

/// Vault's information about a valid token, without the token itself.
#[derive(Clone, Debug)]
pub struct TokenInfo {
    /// The accessor, by which the token can be looked up or revoked without the token itself. Empty
    /// for batch tokens, which have none.
    pub accessor: Box<str>,
    /// The token type.
    pub token_type: TokenType,
    /// The kind of the token, which decides if it is accepted at all.
    pub kind: TokenKind,
    /// The id of the caller's entity, if it has one.
    pub entity_id: Option<Box<str>>,
    /// The caller's readable name, unique within Vault.
    pub subject: Option<Box<str>>,
    /// The caller's tenant.
    pub tenant: Option<TenantName>,
    /// The policies that Vault applies, the token's own and those of its identity: sorted, without
    /// duplicates.
    pub policies: Vec<Box<str>>,
    /// The token's expiry.
    pub expiry: TokenExpiry,
    /// The lifetime that Vault issued the token with; `None` if Vault does not renew it.
    pub renewable_lifetime: Option<Duration>,
    /// The limit on the number of uses.
    pub usage: TokenUsage,
    /// The networks that the token may be used from; empty for any.
    pub bound_cidrs: Vec<IpNet>,
    /// True if the token ends with another one that created it.
    pub has_parent: bool,
    /// The name of the caller's entity, if it was read.
    pub entity_name: Option<Box<str>>,
    /// The response that this information is from.
    pub source: LookupSource,
}

/// A response of Vault to a lookup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookupSource {
    /// The id that Vault gave the request, which is also in its audit log.
    pub request_id: Option<Box<str>>,
    /// The node that responded.
    pub node: ResponseNode,
}

/// The node of Vault that sent a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseNode {
    /// The active node, as far as Vault has several.
    Active,
    /// A node that may be behind the active one.
    Any,
}

impl Default for LookupSource {
    fn default() -> Self {
        Self { request_id: None, node: ResponseNode::Any }
    }
}

/// A token type of Vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenType {
    /// Persisted in Vault's storage.
    Service,
    /// Not persisted: an encrypted blob that carries its own data.
    Batch,
}

impl TokenType {
    /// Returns Vault's name of the type.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Batch => "batch",
        }
    }
}

/// The purpose of a token. Only a token that was issued to a caller identifies one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// A token that was issued to a caller.
    Caller,
    /// A token with the policy `root`.
    Root,
    /// A response-wrapping token, used up by unwrapping.
    Wrapping,
    /// An access token of Vault's OIDC provider, valid only for its userinfo endpoint.
    OidcAccess,
    /// This service's own token.
    ServiceToken,
    /// A token whose entity's `tenant` metadata contains `/`, `*` or `+`, which would broaden a
    /// templated policy path.
    UnsafeTenantMetadata,
    /// A token of another namespace than the one that this service is configured for.
    ForeignNamespace,
}

/// The expiry of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenExpiry {
    /// The token does not expire, as only root tokens may.
    Never,
    /// The token expires at this time, unless it is renewed or revoked before.
    At {
        /// The wall-clock time, by Vault's clock, for responses.
        timestamp: Timestamp,
        /// The time by this process's monotonic clock, for decisions.
        deadline: Instant,
    },
}

/// The limit on the number of uses of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenUsage {
    /// No limit.
    Unlimited,
    /// A number of uses (`num_uses`), each of which has to be counted by Vault.
    Limited,
}

impl TokenInfo {
    /// Returns the names of the policies, sorted.
    pub fn policies(&self) -> impl Iterator<Item = &str> {
        self.policies.iter().map(AsRef::as_ref)
    }

    /// Creates the information about a token of another namespace, which this namespace cannot look
    /// up. It is not cacheable, since the token's expiry is unknown.
    #[must_use]
    pub fn foreign_namespace() -> Self {
        Self {
            accessor: Box::default(),
            token_type: TokenType::Service,
            kind: TokenKind::ForeignNamespace,
            entity_id: None,
            subject: None,
            tenant: None,
            policies: Vec::new(),
            expiry: TokenExpiry::Never,
            renewable_lifetime: None,
            usage: TokenUsage::Limited,
            bound_cidrs: Vec::new(),
            has_parent: false,
            entity_name: None,
            source: LookupSource::default(),
        }
    }
}

impl TokenExpiry {
    /// Returns true if the token has expired at `now`.
    #[must_use]
    pub fn is_past(self, now: Instant) -> bool {
        self.deadline().is_some_and(|deadline| now >= deadline)
    }

    /// Returns the earlier one of this expiry and `timestamp`, by this machine's clock.
    #[must_use]
    pub fn not_after(self, timestamp: Timestamp) -> Self {
        let left = Duration::try_from(timestamp.duration_since(now())).unwrap_or_default();
        let deadline = Instant::now() + left;
        match self.deadline() {
            Some(end) if end <= deadline => self,
            _ => Self::At { timestamp, deadline },
        }
    }

    /// Returns the time of expiry by this process's monotonic clock.
    #[must_use]
    pub fn deadline(self) -> Option<Instant> {
        match self {
            Self::Never => None,
            Self::At { deadline, .. } => Some(deadline),
        }
    }
}

use std::time::Instant;

use ipnet::IpNet;
use jiff::Timestamp;

use crate::tenants::TenantName;

/// What Vault said of a live token. The token itself is not among it.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Vault's handle on the token, by which it can be looked up or revoked without being known.
    /// Empty for batch tokens, which have none.
    pub accessor: Box<str>,
    /// Whether the token is stored by Vault or carries itself.
    pub token_type: TokenType,
    /// Whether it is a token that may come in at all.
    pub standing: Standing,
    /// The id of the caller's entity, if it has one.
    pub entity_id: Option<Box<str>>,
    /// Who the caller is, in a readable name that nobody else in Vault has.
    pub subject: Option<Box<str>>,
    /// Whose the caller is.
    pub tenant: Option<TenantName>,
    /// Every policy that Vault applies, the token's own and those of its identity: sorted,
    /// without duplicates.
    pub policies: Vec<Box<str>>,
    /// When the token ends.
    pub expiry: Expiry,
    /// Whether the token may be used only a limited number of times.
    pub usage: Usage,
    /// The networks that the token may be used from; any, if empty.
    pub bound_cidrs: Vec<IpNet>,
}

/// How Vault issues the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenType {
    /// Kept in Vault's storage.
    Service,
    /// Carries itself, encrypted.
    Batch,
}

impl TokenType {
    /// Vault's own word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Batch => "batch",
        }
    }
}

/// What a token is for. Only an ordinary one is a caller's identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Issued to a caller.
    Ordinary,
    /// Holds the policy `root`.
    Root,
    /// Wraps a response, and is spent by reading it.
    Wrapping,
    /// An access token of Vault's OIDC provider, made for its userinfo endpoint alone.
    OidcAccess,
    /// The token of this service itself.
    Own,
    /// Its entity's tenant is no name but a pattern, which would widen a templated policy.
    Widening,
    /// Of another namespace than the one this service looks into.
    ForeignNamespace,
}

/// When a token ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// Only root tokens may do this.
    Never,
    /// Then, unless it is renewed or revoked before.
    At {
        /// By Vault's clock, to be told to others.
        timestamp: Timestamp,
        /// By the monotonic clock of this process, to be acted on.
        deadline: Instant,
    },
}

/// How often a token may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    /// As often as one likes.
    Unlimited,
    /// A number of times (`num_uses`), each of which must be counted by Vault.
    Counted,
}

impl Facts {
    /// The names of the policies, sorted.
    pub fn policies(&self) -> impl Iterator<Item = &str> {
        self.policies.iter().map(AsRef::as_ref)
    }

    /// All that is known of a token that only another namespace could tell about. Not for keeping:
    /// its end is not known.
    #[must_use]
    pub fn of_another_namespace() -> Self {
        Self {
            accessor: Box::default(),
            token_type: TokenType::Service,
            standing: Standing::ForeignNamespace,
            entity_id: None,
            subject: None,
            tenant: None,
            policies: Vec::new(),
            expiry: Expiry::Never,
            usage: Usage::Counted,
            bound_cidrs: Vec::new(),
        }
    }
}

impl Expiry {
    /// Whether the token has ended by `now`.
    #[must_use]
    pub fn is_past(self, now: Instant) -> bool {
        self.deadline().is_some_and(|deadline| now >= deadline)
    }

    /// When the token ends by this process's monotonic clock, if ever.
    #[must_use]
    pub fn deadline(self) -> Option<Instant> {
        match self {
            Self::Never => None,
            Self::At { deadline, .. } => Some(deadline),
        }
    }
}

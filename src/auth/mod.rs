//! Authorization: checks a token and the route's requirements, and allows the request or returns a
//! [`Refusal`].

mod acl;
mod authorizer;
mod explain;
mod failure_limiter;
mod method;
mod refusal;

use std::sync::Arc;

pub use authorizer::Authorizer;
pub use explain::{AuthCheck, DecisionExplanation};
pub use failure_limiter::FailureLimiter;
pub use refusal::{Challenge, ProblemSpec, Refusal, RefusalSeverity};

use crate::{
    forwarded::ForwardedRequest,
    requirements::Requirements,
    token::{CacheStatus, Credential, CredentialError, TokenEntry},
};

/// The handling of root tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RootTokens {
    /// Root tokens are rejected (default).
    Rejected,
    /// Root tokens are accepted like any other token.
    Accepted,
}

/// An authorization request.
pub struct AuthRequest<'r> {
    /// The credential of the request, or the reason why it has none.
    pub credential: Result<Credential<'r>, CredentialError>,
    /// The route's requirements.
    pub requirements: &'r Requirements,
    /// The forwarded request.
    pub forwarded: ForwardedRequest<'r>,
    /// The age of the token information that the decision may be based on.
    pub recency: Recency,
}

/// The age of the token information that a decision may be based on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recency {
    /// Cached information is used while it is fresh.
    Cached,
    /// The active node of Vault is asked, so that every change counts that was complete before.
    Current,
}

/// The decision on a request.
#[derive(Debug)]
pub struct Decision {
    /// The caller's token entry if the request is allowed, else the refusal.
    pub outcome: Result<Arc<TokenEntry>, Refusal>,
    /// The caller's token entry, also if the request is denied; `None` if the token is not known to
    /// be valid.
    pub caller: Option<Arc<TokenEntry>>,
    /// The source of the token information; `None` if none was needed, or Vault was unavailable.
    pub cache_status: Option<CacheStatus>,
}

impl Decision {
    /// Returns the decision to deny a request whose token was not looked up.
    #[must_use]
    pub fn denied(refusal: Refusal) -> Self {
        Self { outcome: Err(refusal), caller: None, cache_status: None }
    }
}

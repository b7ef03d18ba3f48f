//! Authorization: checks a token and the route's requirements, and allows the request or returns a
//! [`Refusal`].

mod acl;
mod authorizer;
mod explain;
mod failure_limiter;
mod method;
mod refusal;

use std::sync::Arc;

pub use authorizer::Validator;
pub use explain::{Check, Explanation};
pub use failure_limiter::Failures;
pub use refusal::{Challenge, Refusal, Severity, Terms};

use crate::{
    forwarded::Forwarded,
    requirement::Requirements,
    token::{CacheStatus, Credential, CredentialError, Entry},
};

/// The handling of root tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RootTokens {
    /// Root tokens are rejected (default).
    Refused,
    /// Root tokens are accepted like any other token.
    Allowed,
}

/// An authorization request.
pub struct Asked<'r> {
    /// The credential of the request, or the reason why it has none.
    pub credential: Result<Credential<'r>, CredentialError>,
    /// The route's requirements.
    pub requirements: &'r Requirements,
    /// The forwarded request.
    pub forwarded: Forwarded<'r>,
}

/// The decision on a request.
#[derive(Debug)]
pub struct Decision {
    /// The caller's token entry if the request is allowed, else the refusal.
    pub outcome: Result<Arc<Entry>, Refusal>,
    /// The source of the token information; `None` if none was needed, or Vault was unavailable.
    pub cache: Option<CacheStatus>,
}

//! A token's facts and the route's requirements, judged: leave to come in, or a [`Refusal`].

mod acl;
mod explain;
mod failures;
mod method;
mod refusal;
mod validator;

use std::sync::Arc;

pub use explain::{Check, Explanation};
pub use failures::Failures;
pub use refusal::{Challenge, Refusal, Severity, Terms};
pub use validator::Validator;

use crate::{
    forwarded::Forwarded,
    requirement::Requirements,
    token::{CacheStatus, Credential, CredentialError, Entry},
};

/// Whether root tokens may come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RootTokens {
    /// They are refused: a root token has no business at a front door.
    Refused,
    /// They pass like any other.
    Allowed,
}

/// Who asks to come in where.
pub struct Asked<'r> {
    /// The credential of the request, or why it has none.
    pub credential: Result<Credential<'r>, CredentialError>,
    /// What stands between the caller and the route.
    pub requirements: &'r Requirements,
    /// The request itself.
    pub forwarded: Forwarded<'r>,
}

/// A judgement, and what it cost to get the facts.
#[derive(Debug)]
pub struct Decision {
    /// The caller who may come in, or why nobody does.
    pub outcome: Result<Arc<Entry>, Refusal>,
    /// Where the facts came from; `None` if none were needed or none were to be had.
    pub cache: Option<CacheStatus>,
}

//! A token's facts and the route's requirements, judged: leave to come in, or a [`Refusal`].

mod refusal;

use std::sync::Arc;

pub use refusal::{Challenge, Refusal, Severity, Terms};

use crate::{
    requirement::{Requirement, Requirements},
    token::{CacheStatus, Credential, CredentialError, Entry, Facts, FactsCache, Standing, Usage},
};

/// Whether root tokens may come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RootTokens {
    /// They are refused: a root token has no business at a front door.
    Refused,
    /// They pass like any other.
    Allowed,
}

/// A judgement, and what it cost to get the facts.
#[derive(Debug)]
pub struct Decision {
    /// The caller who may come in, or why nobody does.
    pub outcome: Result<Arc<Entry>, Refusal>,
    /// Where the facts came from; `None` if none were needed or none were to be had.
    pub cache: Option<CacheStatus>,
}

/// Takes decisions.
pub struct Validator {
    /// The facts that decisions are made from.
    pub cache: Arc<FactsCache>,
    /// Whether root tokens may come in.
    pub root_tokens: RootTokens,
}

impl Validator {
    /// Whether the bearer of this credential may come in where these requirements stand.
    pub async fn decide(
        &self,
        credential: Result<Credential<'_>, CredentialError>,
        requirements: &Requirements,
    ) -> Decision {
        let refused = |refusal| Decision { outcome: Err(refusal), cache: None };
        let credential = match credential {
            Ok(credential) => credential,
            Err(error) => return refused(Refusal::Credential(error)),
        };
        let known = match self.cache.get(&credential).await {
            Ok(known) => known,
            Err(unavailable) => return refused(Refusal::Unavailable(unavailable)),
        };
        let outcome = known
            .entry
            .ok_or(Refusal::TokenInvalid)
            .and_then(|entry| self.judge(&entry.facts, requirements).map(|()| entry));
        Decision { outcome, cache: Some(known.status) }
    }

    fn judge(&self, facts: &Facts, requirements: &Requirements) -> Result<(), Refusal> {
        self.admit(facts)?;
        requirements.iter().try_for_each(|requirement| meet(requirement, facts))
    }

    /// Whether this is a token that may come in anywhere.
    fn admit(&self, facts: &Facts) -> Result<(), Refusal> {
        match facts.standing {
            Standing::Ordinary => {}
            Standing::Root if self.root_tokens == RootTokens::Allowed => {}
            standing => return Err(Refusal::TokenNotAllowed(standing)),
        }
        if !facts.bound_cidrs.is_empty() {
            return Err(Refusal::AddressNotAllowed);
        }
        if facts.usage == Usage::Counted {
            return Err(Refusal::TokenNotAllowed(facts.standing));
        }
        Ok(())
    }
}

fn meet(requirement: &Requirement, facts: &Facts) -> Result<(), Refusal> {
    let (met, refusal) = match requirement {
        Requirement::AnyPolicy(names) => {
            (names.iter().any(|name| facts.has_policy(name)), Refusal::PolicyRequired)
        }
        Requirement::Tenant(name) => (facts.tenant.as_ref() == Some(name), Refusal::TenantMismatch),
    };
    if met { Ok(()) } else { Err(refusal) }
}

use std::sync::Arc;

use tokio::time::Instant;

use crate::{
    capabilities::Capability,
    decision::{
        Asked, Refusal, Validator,
        acl::AclQuestion,
        validator::{Caller, meet},
    },
    requirement::Requirement,
    token::{CacheStatus, CredentialError, Entry, Standing, Token, Usage},
};

/// Why `/validate` would decide as it would, check by check.
#[derive(Debug)]
pub struct Explanation {
    /// The decision: the caller who would be let in, or the refusal.
    pub outcome: Result<(), Refusal>,
    /// The caller, if Vault knows the token.
    pub entry: Option<Arc<Entry>>,
    /// Every check, whether or not an earlier one had ended the matter.
    pub checks: Vec<Check>,
}

/// One thing that was looked at.
#[derive(Debug)]
pub struct Check {
    /// What it is: `token`, `address`, or a requirement as it was written.
    pub what: String,
    /// Whether it stands in the way, and how.
    pub outcome: Result<(), Refusal>,
    /// The facts that this rests on.
    pub because: String,
    /// The path that Vault was asked about, if it was.
    pub path: Option<String>,
}

impl Check {
    fn new(what: &str, outcome: Result<(), Refusal>, because: impl Into<String>) -> Self {
        Self { what: what.to_owned(), outcome, because: because.into(), path: None }
    }
}

impl Validator {
    /// The decision for this request with what it rests on. A token with a limited number of uses
    /// keeps them all.
    pub async fn explain(&self, asked: &Asked<'_>) -> Explanation {
        let without = |refusal: Refusal, because: &str| Explanation {
            outcome: Err(refusal.clone()),
            entry: None,
            checks: vec![Check::new("token", Err(refusal), because)],
        };
        let credential = match &asked.credential {
            Ok(credential) => credential,
            Err(error) => {
                let because = match error {
                    CredentialError::Missing => "there is none",
                    CredentialError::Malformed => "no token has such characters",
                    CredentialError::Conflict => "there are several",
                };
                return without(Refusal::Credential(*error), because);
            }
        };
        let key = self.cache.key(credential);
        let entry = match self.cache.ask(key, Token::from(credential)).await {
            Ok(known) => known.entry,
            Err(unavailable) => {
                let because = Arc::clone(&unavailable.detail);
                return without(unavailable.into(), &because);
            }
        };
        let Some(entry) = entry else {
            let because = "Vault does not know it, or its entity is disabled";
            return without(Refusal::TokenInvalid, because);
        };
        let caller = Caller {
            credential,
            key,
            entry: Arc::clone(&entry),
            status: CacheStatus::Miss,
            deadline: Instant::now() + self.patience,
        };
        let mut checks = vec![Check::new("token", Ok(()), describe(&entry))];
        checks.extend(self.admission(&entry, asked));
        // What is known of a token of another namespace says nothing in this one.
        if entry.standing != Standing::ForeignNamespace {
            for requirement in asked.requirements.iter() {
                checks.push(self.requirement(requirement, &caller, asked).await);
            }
        }
        let outcome = match self.admit(&entry, &asked.forwarded) {
            Ok(()) => self.meet_all(&caller, asked).await.map(drop),
            refused => refused,
        };
        Explanation { outcome, entry: Some(entry), checks }
    }

    fn admission(&self, entry: &Entry, asked: &Asked<'_>) -> Option<Check> {
        let outcome = self.admit(entry, &asked.forwarded);
        let bound = !entry.bound_cidrs.is_empty();
        let networks = || {
            let networks: Vec<String> = entry.bound_cidrs.iter().map(ToString::to_string).collect();
            format!("it may be used from {}", networks.join(", "))
        };
        let (what, because) = match &outcome {
            Ok(()) if !bound => return None,
            Ok(()) | Err(Refusal::AddressNotAllowed) => ("address", networks()),
            Err(Refusal::RequestInvalid(_)) => {
                ("address", format!("{}, and the client's address is not known", networks()))
            }
            Err(refusal) => ("kind", refusal.detail().unwrap_or_default()),
        };
        Some(Check::new(what, outcome, because))
    }

    async fn requirement(
        &self,
        requirement: &Requirement,
        caller: &Caller<'_>,
        asked: &Asked<'_>,
    ) -> Check {
        let what = requirement.to_string();
        let identity = &caller.entry.identity;
        match requirement {
            Requirement::AnyPolicy(_) => {
                let policies = identity.policies().collect::<Vec<_>>().join(", ");
                let because = format!("the token's policies are {policies}");
                Check::new(&what, meet(requirement, identity), because)
            }
            Requirement::Tenant(_) => {
                let because = match identity.tenant() {
                    Some(tenant) => format!("the caller's tenant is {tenant}"),
                    None if identity.entity_id().is_some() && identity.subject().is_none() => {
                        "the caller has no tenant: its entity was merged into another, which is not \
                         found by the id that the token has; a new login mends that"
                            .to_owned()
                    }
                    None => "the caller has no tenant: neither one in the entity's metadata nor \
                             exactly one policy named tenant-NAME"
                        .to_owned(),
                };
                Check::new(&what, meet(requirement, identity), because)
            }
            Requirement::Acl(_) | Requirement::AclUri(_) => {
                self.acl(&what, requirement, caller, asked).await
            }
        }
    }

    async fn acl(
        &self,
        what: &str,
        requirement: &Requirement,
        caller: &Caller<'_>,
        asked: &Asked<'_>,
    ) -> Check {
        let question = match AclQuestion::new(std::iter::once(requirement), &asked.forwarded) {
            Ok(Some(question)) => question,
            Ok(None) => return Check::new(what, Ok(()), ""),
            Err(refusal) => {
                let because = match &refusal {
                    Refusal::AclDenied => "no capability stands for this method, or for one that \
                                           a parameter such as _method overrides it by"
                        .to_owned(),
                    Refusal::PathAmbiguous => "programs differ on what this path means".to_owned(),
                    other => other.detail().unwrap_or_default(),
                };
                return Check::new(what, Err(refusal), because);
            }
        };
        let path = question.paths.join(", ");
        let (outcome, because) = match self.ask_granted(caller, &question).await {
            Err(refusal) => {
                let because = refusal.detail().unwrap_or_default();
                (Err(refusal), because)
            }
            Ok((granted, _)) => {
                let needed: Vec<String> = question.needs().map(ToString::to_string).collect();
                let needed = needed.join(", and ");
                let names = granted.iter().flat_map(|on| on.iter()).map(Capability::as_str);
                let names = names.collect::<Vec<_>>().join(", ");
                let names = if names.is_empty() { "nothing" } else { &names };
                let because = format!("Vault grants {names} on {path}; {needed}");
                let met = question.is_met_by(&granted);
                (if met { Ok(()) } else { Err(Refusal::AclDenied) }, because)
            }
        };
        Check { what: what.to_owned(), outcome, because, path: Some(path) }
    }
}

fn describe(entry: &Entry) -> String {
    let identity = &entry.identity;
    if entry.standing == Standing::ForeignNamespace {
        return "a live token".to_owned();
    }
    let kind = identity.token_type().as_str();
    let whose = match (identity.subject(), identity.entity_id()) {
        (Some(subject), _) => format!("of {subject}"),
        (None, Some(id)) => format!("of entity {id}"),
        (None, None) => "without an entity".to_owned(),
    };
    let ends = match identity.expires() {
        None => "never expires".to_owned(),
        Some(timestamp) => format!("expires {timestamp}"),
    };
    let uses = match entry.usage {
        Usage::Unlimited => "",
        Usage::Counted => "; each validation spends one of its uses",
    };
    format!("a live {kind} token {whose}, {ends}{uses}")
}

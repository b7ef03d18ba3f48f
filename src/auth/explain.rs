use std::sync::Arc;

use tokio::time::Instant;

use crate::{
    auth::{
        AuthRequest, Authorizer, Refusal,
        acl::AclCheck,
        authorizer::{AuthenticatedCaller, check_origin, check_requirement},
    },
    capabilities::Capability,
    requirements::{CrossSiteRequests, Requirement},
    token::{CacheStatus, CredentialError, RenewedBy, TokenEntry, TokenKind, TokenUsage},
};

/// The decision that `/validate` would take, with the result of every check.
#[derive(Debug)]
pub struct DecisionExplanation {
    /// The decision: allowed, or the refusal.
    pub outcome: Result<(), Refusal>,
    /// The caller's token entry, if the token is valid.
    pub entry: Option<Arc<TokenEntry>>,
    /// All checks, including those after a failed one.
    pub checks: Vec<AuthCheck>,
}

/// The result of one check.
#[derive(Debug)]
pub struct AuthCheck {
    /// The name of the check: `token`, `kind`, `address`, or a requirement as written in a query
    /// string.
    pub name: String,
    /// The outcome: passed, or the refusal.
    pub outcome: Result<(), Refusal>,
    /// The reason for the outcome.
    pub reason: String,
    /// The path whose capabilities were fetched, if any.
    pub path: Option<String>,
}

impl AuthCheck {
    fn new(name: &str, outcome: Result<(), Refusal>, reason: impl Into<String>) -> Self {
        Self { name: name.to_owned(), outcome, reason: reason.into(), path: None }
    }
}

/// Returns the reason why a request has no usable credential.
fn credential_reason(error: CredentialError) -> &'static str {
    match error {
        CredentialError::Missing => "no credential was sent",
        CredentialError::Malformed => "it contains characters that no token has",
        CredentialError::Conflict => "the request contains different tokens",
        CredentialError::UnknownHost => {
            "it is a session cookie, and the request does not say for which host"
        }
    }
}

impl Authorizer {
    /// Explains the decision for a request. Consumes no use of a limited-use token, and renews no
    /// session.
    pub async fn explain(&self, request: &AuthRequest<'_>) -> DecisionExplanation {
        let without = |refusal: Refusal, reason: &str| DecisionExplanation {
            outcome: Err(refusal.clone()),
            entry: None,
            checks: vec![AuthCheck::new("token", Err(refusal), reason)],
        };
        let credential = match &request.credential {
            Ok(credential) => credential,
            Err(error) => {
                return without(Refusal::Credential(*error), credential_reason(*error));
            }
        };
        let key = self.cache.key(credential);
        let Some(token) = credential.token() else {
            let reason = if credential.is_session() {
                "the session cookie cannot be unsealed for this host"
            } else {
                "the access token cannot be unsealed for the resource of the route"
            };
            return without(Refusal::TokenInvalid, reason);
        };
        let token = token.renewed_by(RenewedBy::Client);
        let entry = match self.cache.get_or_fetch(key, token).await {
            Ok(lookup) => lookup.entry,
            Err(unavailable) => {
                let reason = Arc::clone(&unavailable.detail);
                return without(unavailable.into(), &reason);
            }
        };
        let Some(entry) = entry else {
            let reason = "it is unknown, expired or revoked, or its entity is disabled";
            return without(Refusal::TokenInvalid, reason);
        };
        let caller = AuthenticatedCaller {
            credential,
            key,
            entry: Arc::clone(&entry),
            status: CacheStatus::Miss,
            deadline: Instant::now() + self.timeout,
        };
        let mut checks = vec![AuthCheck::new("token", Ok(()), describe_token(&entry))];
        checks.extend(self.explain_token(&entry, request));
        // Requirements cannot be checked for a token of another namespace.
        if entry.kind != TokenKind::ForeignNamespace {
            for requirement in request.requirements.iter() {
                checks.push(self.explain_requirement(requirement, &caller, request).await);
            }
        }
        let origin = check_origin(credential, request);
        if credential.is_session() {
            checks.push(AuthCheck::new("origin", origin.clone(), origin_reason(&origin, request)));
        }
        let outcome = match self.check_token(&entry, &request.forwarded).and(origin) {
            Ok(()) => self.check_requirements(&caller, request).await.map(drop),
            refused => refused,
        };
        DecisionExplanation { outcome, entry: Some(entry), checks }
    }

    fn explain_token(&self, entry: &TokenEntry, request: &AuthRequest<'_>) -> Option<AuthCheck> {
        let outcome = self.check_token(entry, &request.forwarded);
        let bound = !entry.bound_cidrs.is_empty();
        let networks = || {
            let networks: Vec<String> = entry.bound_cidrs.iter().map(ToString::to_string).collect();
            format!("it may be used from {}", networks.join(", "))
        };
        let (name, reason) = match &outcome {
            Ok(()) if !bound => return None,
            Ok(()) | Err(Refusal::AddressNotAllowed) => ("address", networks()),
            Err(Refusal::RequestInvalid(_)) => {
                ("address", format!("{}, and the client's address is unknown", networks()))
            }
            Err(refusal) => ("kind", refusal.detail().unwrap_or_default()),
        };
        Some(AuthCheck::new(name, outcome, reason))
    }

    async fn explain_requirement(
        &self,
        requirement: &Requirement,
        caller: &AuthenticatedCaller<'_>,
        request: &AuthRequest<'_>,
    ) -> AuthCheck {
        let name = requirement.to_string();
        let identity = &caller.entry.identity;
        match requirement {
            Requirement::AnyPolicy(_) => {
                let policies = identity.policies().collect::<Vec<_>>().join(", ");
                let reason = format!("the token's policies are {policies}");
                AuthCheck::new(&name, check_requirement(requirement, identity), reason)
            }
            Requirement::Tenant(_) => {
                let reason = match identity.tenant() {
                    Some(tenant) => format!("the caller's tenant is {tenant}"),
                    None if identity.entity_id().is_some() && identity.subject().is_none() => {
                        "the caller has no tenant: its entity was merged into another one, which Vault \
                         does not find by the id in the token; log in again"
                            .to_owned()
                    }
                    None => "the caller has no tenant: the entity's metadata has none, and the token does \
                             not have exactly one policy named tenant-NAME"
                        .to_owned(),
                };
                AuthCheck::new(&name, check_requirement(requirement, identity), reason)
            }
            Requirement::Acl(_) | Requirement::AclUri(_) | Requirement::Mcp(_) => {
                self.explain_acl(&name, requirement, caller, request).await
            }
        }
    }

    async fn explain_acl(
        &self,
        name: &str,
        requirement: &Requirement,
        caller: &AuthenticatedCaller<'_>,
        request: &AuthRequest<'_>,
    ) -> AuthCheck {
        let check = match AclCheck::new(std::iter::once(requirement), &request.forwarded) {
            Ok(Some(check)) => check,
            Ok(None) => return AuthCheck::new(name, Ok(()), ""),
            Err(refusal) => {
                let reason = match &refusal {
                    Refusal::AclDenied => "no capability allows this method, or the method \
                                           that a parameter such as _method sets instead"
                        .to_owned(),
                    Refusal::PathAmbiguous => "programs interpret this path differently".to_owned(),
                    other => other.detail().unwrap_or_default(),
                };
                return AuthCheck::new(name, Err(refusal), reason);
            }
        };
        let path = check.paths.join(", ");
        let (outcome, reason) = match self.fetch_capabilities(caller, &check).await {
            Err(refusal) => {
                let reason = refusal.detail().unwrap_or_default();
                (Err(refusal), reason)
            }
            Ok((granted, _)) => {
                let needed: Vec<String> = check.methods(0).map(ToString::to_string).collect();
                let needed = needed.join(", and ");
                let names = granted.iter().flat_map(|on| on.iter()).map(Capability::as_str);
                let names = names.collect::<Vec<_>>().join(", ");
                let names = if names.is_empty() { "nothing" } else { &names };
                let reason = format!("Vault grants {names} on {path}; {needed}");
                let satisfied = check.is_satisfied_by(&granted);
                (if satisfied { Ok(()) } else { Err(Refusal::AclDenied) }, reason)
            }
        };
        AuthCheck { name: name.to_owned(), outcome, reason, path: Some(path) }
    }
}

/// Returns the reason for the outcome of the origin check of a session.
fn origin_reason(origin: &Result<(), Refusal>, request: &AuthRequest<'_>) -> String {
    let is_unsafe = request.forwarded.fetch_metadata().is_ok_and(|metadata| metadata.is_unsafe());
    match origin {
        Err(Refusal::CrossSite) => {
            "with a session cookie, the request has to come from a page of the \
                                    same origin; another host of the same site is another origin"
                .to_owned()
        }
        Err(refusal) => refusal.detail().unwrap_or_default(),
        Ok(()) if request.requirements.cross_site == CrossSiteRequests::Allowed => {
            "the route accepts requests of all pages (cross_site=allow)".to_owned()
        }
        Ok(()) if is_unsafe => "the request comes from a page of the same origin".to_owned(),
        Ok(()) => "a request that changes nothing may come from any page".to_owned(),
    }
}

fn describe_token(entry: &TokenEntry) -> String {
    let identity = &entry.identity;
    if entry.kind == TokenKind::ForeignNamespace {
        return "an active token".to_owned();
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
        TokenUsage::Unlimited => "",
        TokenUsage::Limited => "; each validation consumes one of its uses",
    };
    format!("an active {kind} token {whose}, {ends}{uses}")
}

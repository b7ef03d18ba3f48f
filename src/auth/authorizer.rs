use std::{sync::Arc, time::Duration};

use opentelemetry::trace::FutureExt as _;
use tokio::time::{Instant, timeout_at};

use crate::{
    auth::{
        AuthRequest, Decision, FailureLimiter, Recency, Refusal, RootTokens,
        acl::AclCheck,
        failure_limiter::{Attempt, LimitReached},
    },
    capabilities::Capabilities,
    forwarded::{ForwardedRequest, RequestOrigin},
    requirements::{CrossSiteRequests, Requirement},
    token::{
        CacheStatus, CallerIdentity, CallerToken, CapabilityLookup, Credential, TokenCache,
        TokenEntry, TokenKey, TokenKind, TokenLookup, TokenUsage, Unavailable, UnavailableReason,
        UseOutcome,
    },
};

/// Authorizes requests. Cheap checks run first, and errors about a route's requirements are
/// reported only to callers with a valid token.
pub struct Authorizer {
    /// The token cache.
    pub cache: Arc<TokenCache>,
    /// The handling of root tokens.
    pub root_tokens: RootTokens,
    /// The limit of failures per client address.
    pub failure_limiter: Arc<FailureLimiter>,
    /// The maximum time for a decision; a proxy would not wait much longer.
    pub timeout: Duration,
}

/// The party that consumes one use of a limited-use token.
#[derive(Clone, Copy, PartialEq, Eq)]
enum UseAccounting {
    /// The validator consumes it, with a call to Vault.
    ConsumeNow,
    /// Vault consumes it when the request is forwarded to Vault.
    LeftToVault,
}

/// A caller with a valid token.
pub(super) struct AuthenticatedCaller<'c> {
    pub(super) credential: &'c Credential<'c>,
    pub(super) key: TokenKey,
    pub(super) entry: Arc<TokenEntry>,
    /// The source of the entry.
    pub(super) status: CacheStatus,
    /// The deadline of the decision.
    pub(super) deadline: Instant,
}

/// The outcome of checking requirements against the cache, if none is violated.
enum CachedOutcome<'r> {
    /// All requirements are satisfied.
    Satisfied,
    /// Capabilities have to be fetched for this check.
    NeedsVault(AclCheck<'r>),
}

impl Authorizer {
    /// Authorizes a request, received just now, from the cache alone. Returns `None` if the cache does
    /// not suffice to allow it; then the request has to be decided with calls to Vault.
    #[must_use]
    pub fn authorize_cached(
        &self,
        request: &AuthRequest<'_>,
        now: std::time::Instant,
    ) -> Option<Arc<TokenEntry>> {
        let credential = request.credential.as_ref().ok()?;
        if request.recency == Recency::Current {
            return None;
        }
        let key = self.cache.key(credential);
        let entry = self.cache.get(key, credential, now)?;
        self.check_token(&entry, &request.forwarded).ok()?;
        check_origin(credential, request).ok()?;
        let satisfied =
            self.check_cached(key, credential, (&entry, CacheStatus::Hit), request).ok()?;
        matches!(satisfied, CachedOutcome::Satisfied).then_some(entry)
    }

    /// Removes expired cache entries and failures.
    pub async fn remove_expired(&self) {
        self.cache.remove_expired().await;
        self.failure_limiter.remove_expired().await;
    }

    /// Decides if a request is allowed: authenticates the credential and checks the requirements.
    /// Consumes one use of a limited-use token.
    pub async fn authorize(&self, request: &AuthRequest<'_>) -> Decision {
        self.authorize_with(request, UseAccounting::ConsumeNow).await
    }

    /// Decides the same without the cached entry of the token.
    pub async fn authorize_anew(&self, request: &AuthRequest<'_>) -> Decision {
        if let Ok(credential) = &request.credential {
            self.cache.forget(self.cache.key(credential));
        }
        self.authorize(request).await
    }

    /// Decides the same for a request that is forwarded to Vault with the caller's own token: Vault
    /// itself counts the use.
    pub async fn authenticate(&self, request: &AuthRequest<'_>) -> Decision {
        self.authorize_with(request, UseAccounting::LeftToVault).await
    }

    /// Classifies a rejection by Vault of a token that was accepted here: the token has expired
    /// since, or it is bound to addresses that this service's own, which Vault sees, is not among.
    pub async fn classify_rejection(&self, request: &AuthRequest<'_>) -> Refusal {
        let credential = match &request.credential {
            Ok(credential) => credential,
            Err(error) => return Refusal::Credential(*error),
        };
        let lookup = self.cache.refetch(self.cache.key(credential), credential);
        match with_deadline(Instant::now() + self.timeout, lookup).await {
            Ok(TokenLookup { entry: None, .. }) => Refusal::TokenInvalid,
            Ok(TokenLookup { entry: Some(entry), .. }) if !entry.bound_cidrs.is_empty() => {
                Refusal::AddressNotAllowed
            }
            Ok(_) => Refusal::AclDenied,
            Err(refusal) => refusal,
        }
    }

    async fn authorize_with(
        &self,
        request: &AuthRequest<'_>,
        accounting: UseAccounting,
    ) -> Decision {
        let deadline = Instant::now() + self.timeout;
        let credential = match &request.credential {
            Ok(credential) => credential,
            Err(error) => return Decision::denied(Refusal::Credential(*error)),
        };
        let key = self.cache.key(credential);
        let lookup = match self.lookup(key, credential, request, deadline).await {
            Ok(lookup) => lookup,
            Err(refusal) => return Decision::denied(refusal),
        };
        let Some(entry) = lookup.entry else {
            return Decision {
                cache_status: Some(lookup.status),
                ..Decision::denied(Refusal::TokenInvalid)
            };
        };
        let caller = Some(Arc::clone(&entry));
        let authenticated =
            AuthenticatedCaller { credential, key, entry, status: lookup.status, deadline };
        let (outcome, status) =
            match self.authorize_caller(authenticated, request, accounting).await {
                Ok((entry, status)) => (Ok(entry), status),
                Err(refusal) => (Err(refusal), lookup.status),
            };
        Decision { outcome, caller, cache_status: Some(status) }
    }

    /// Looks the token up. A token that is cached or was recently valid is never limited because of
    /// other clients at its address, and neither is one that cannot be a guess.
    async fn lookup(
        &self,
        key: TokenKey,
        credential: &Credential<'_>,
        request: &AuthRequest<'_>,
        deadline: Instant,
    ) -> Result<TokenLookup, Refusal> {
        if request.recency == Recency::Cached
            && let Some(entry) = self.cache.get(key, credential, Instant::now().into())
        {
            return Ok(TokenLookup { entry: Some(entry), status: CacheStatus::Hit });
        }
        // Without a call to Vault, so that it does not count as a failure: every file of a page is
        // requested with the same cookie.
        let token = credential.token().ok_or(Refusal::TokenInvalid)?;
        let attempt = self.begin_attempt(key, credential, &request.forwarded);
        let attempt = timeout_at(deadline, attempt)
            .await
            .unwrap_or_else(|_| Err(deadline_exceeded().into()))?;
        with_deadline(deadline, self.fetch(key, token, request.recency, attempt)).await
    }

    /// Looks the token up in a task of its own, so that the attempt counts even if the client
    /// disconnects.
    async fn fetch(
        &self,
        key: TokenKey,
        token: CallerToken,
        recency: Recency,
        attempt: Attempt,
    ) -> Result<TokenLookup, Unavailable> {
        let cache = Arc::clone(&self.cache);
        let lookup = async move {
            let lookup = match recency {
                Recency::Cached => cache.get_or_fetch(key, token).await?,
                Recency::Current => cache.fetch_current(key, token).await?,
            };
            if lookup.entry.is_none() {
                attempt.fail(key);
            }
            Ok(lookup)
        };
        let lookup = tokio::spawn(Box::pin(lookup.with_current_context())).await;
        lookup.unwrap_or_else(|_| {
            Err(Unavailable::new(UnavailableReason::NoValidResponse, "the lookup task failed"))
        })
    }

    async fn begin_attempt(
        &self,
        key: TokenKey,
        credential: &Credential<'_>,
        forwarded: &ForwardedRequest<'_>,
    ) -> Result<Attempt, Refusal> {
        if !credential.may_be_guess() || self.cache.was_recently_valid(key) {
            return Ok(Attempt::unlimited());
        }
        let attempt = self.failure_limiter.begin_attempt(forwarded.rate_limited_address()).await;
        attempt.map_err(|LimitReached| Refusal::TooManyFailures)
    }

    /// Checks the token and the requirements. Returns the entry, and the cache status of the
    /// results that the decision is based on.
    async fn authorize_caller(
        &self,
        caller: AuthenticatedCaller<'_>,
        request: &AuthRequest<'_>,
        accounting: UseAccounting,
    ) -> Result<(Arc<TokenEntry>, CacheStatus), Refusal> {
        self.check_token(&caller.entry, &request.forwarded)?;
        check_origin(caller.credential, request)?;
        let satisfied = self.check_requirements(&caller, request).await;
        if (caller.entry.usage, accounting) == (TokenUsage::Limited, UseAccounting::ConsumeNow) {
            self.consume_use(&caller, satisfied.as_ref().err()).await?;
        }
        satisfied.map(|status| (caller.entry, status))
    }

    /// Consumes one use, even if the request is denied, as Vault itself does. Runs after the
    /// requirements were checked, since Vault revokes a token with its last use, and returns no
    /// information about it afterwards.
    async fn consume_use(
        &self,
        caller: &AuthenticatedCaller<'_>,
        refusal: Option<&Refusal>,
    ) -> Result<(), Refusal> {
        if matches!(refusal, Some(Refusal::TokenInvalid | Refusal::Unavailable(_))) {
            return Ok(());
        }
        match with_deadline(caller.deadline, self.cache.consume_use(caller.key, caller.credential))
            .await?
        {
            UseOutcome::Consumed => Ok(()),
            UseOutcome::Exhausted => Err(Refusal::TokenInvalid),
        }
    }

    /// Checks all requirements, first those that the token information decides. Returns the cache
    /// status of the results.
    pub(super) async fn check_requirements(
        &self,
        caller: &AuthenticatedCaller<'_>,
        request: &AuthRequest<'_>,
    ) -> Result<CacheStatus, Refusal> {
        let AuthenticatedCaller { credential, key, entry, status, .. } = caller;
        let satisfied = self.check_cached(*key, credential, (entry, *status), request)?;
        let CachedOutcome::NeedsVault(check) = satisfied else { return Ok(*status) };
        let (granted, answered) = self.fetch_capabilities(caller, &check).await?;
        let satisfied = check.is_satisfied_by(&granted);
        if satisfied { Ok(answered.max(*status)) } else { Err(Refusal::AclDenied) }
    }

    /// Checks all requirements as far as possible without a call to Vault.
    fn check_cached<'a>(
        &self,
        key: TokenKey,
        credential: &Credential<'_>,
        entry: (&Arc<TokenEntry>, CacheStatus),
        request: &AuthRequest<'a>,
    ) -> Result<CachedOutcome<'a>, Refusal> {
        let identity = &entry.0.identity;
        request
            .requirements
            .iter()
            .try_for_each(|requirement| check_requirement(requirement, identity))?;
        let Some(check) = AclCheck::new(request.requirements.iter(), &request.forwarded)? else {
            return Ok(CachedOutcome::Satisfied);
        };
        let cached = |path: &str| self.cache.cached_capabilities(key, credential, entry, path);
        match check.check_cached(cached) {
            Some(true) => Ok(CachedOutcome::Satisfied),
            Some(false) => Err(Refusal::AclDenied),
            None => Ok(CachedOutcome::NeedsVault(check)),
        }
    }

    /// Checks that tokens of this kind are accepted, and that this one may be used from the
    /// client's address.
    pub(super) fn check_token(
        &self,
        entry: &TokenEntry,
        forwarded: &ForwardedRequest<'_>,
    ) -> Result<(), Refusal> {
        match entry.kind {
            TokenKind::Caller => {}
            TokenKind::Root if self.root_tokens == RootTokens::Accepted => {}
            kind => return Err(Refusal::TokenNotAllowed(kind)),
        }
        if entry.bound_cidrs.is_empty() {
            return Ok(());
        }
        if entry.usage == TokenUsage::Limited {
            return Err(Refusal::LimitedUseWithBoundCidrs);
        }
        let client = forwarded.client_address()?;
        let within = entry.bound_cidrs.iter().any(|network| network.contains(&client));
        if within { Ok(()) } else { Err(Refusal::AddressNotAllowed) }
    }

    /// Fetches the caller's capabilities on the paths of this check.
    pub(super) async fn fetch_capabilities(
        &self,
        caller: &AuthenticatedCaller<'_>,
        check: &AclCheck<'_>,
    ) -> Result<(Arc<[Capabilities]>, CacheStatus), Refusal> {
        let AuthenticatedCaller { credential, key, entry, deadline, .. } = caller;
        let paths = check.paths.iter().map(ToString::to_string).collect();
        let answer = self.cache.fetch_capabilities(*key, credential, entry, paths);
        let CapabilityLookup { capabilities, status } = with_deadline(*deadline, answer).await?;
        Ok((capabilities.ok_or(Refusal::TokenInvalid)?, status))
    }
}

/// Checks that a request with a session cookie, which browsers add to requests of any page, comes from a
/// page of the same origin if it may change something.
pub(super) fn check_origin(
    credential: &Credential<'_>,
    request: &AuthRequest<'_>,
) -> Result<(), Refusal> {
    if !credential.is_session() || request.requirements.cross_site == CrossSiteRequests::Allowed {
        return Ok(());
    }
    let metadata = request.forwarded.fetch_metadata()?;
    if !metadata.is_unsafe() {
        return Ok(());
    }
    match metadata.origin(&request.forwarded.origin()?) {
        RequestOrigin::Same => Ok(()),
        RequestOrigin::Other => Err(Refusal::CrossSite),
    }
}

/// Waits for a response of Vault until the deadline.
async fn with_deadline<T>(
    deadline: Instant,
    answer: impl Future<Output = Result<T, Unavailable>>,
) -> Result<T, Refusal> {
    let in_time = timeout_at(deadline, answer).await;
    in_time.unwrap_or_else(|_| Err(deadline_exceeded())).map_err(Refusal::Unavailable)
}

fn deadline_exceeded() -> Unavailable {
    Unavailable::new(UnavailableReason::NoValidResponse, "vault: the responses took too long")
}

/// Checks a requirement against the caller's identity. `acl` and `mcp` requirements pass, since they need
/// Vault.
pub(super) fn check_requirement(
    requirement: &Requirement,
    identity: &CallerIdentity,
) -> Result<(), Refusal> {
    let (satisfied, refusal) = match requirement {
        Requirement::AnyPolicy(names) => {
            (names.iter().any(|name| identity.has_policy(name)), Refusal::PolicyRequired)
        }
        Requirement::Tenant(name) => (identity.belongs_to_tenant(name), Refusal::TenantMismatch),
        Requirement::Acl(_) | Requirement::AclUri(_) | Requirement::Mcp(_) => return Ok(()),
    };
    if satisfied { Ok(()) } else { Err(refusal) }
}

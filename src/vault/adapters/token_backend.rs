use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::BoxFuture;
use secrecy::SecretString;
use tokio::time::timeout;

use super::{
    call_limits::{CallKind, CallLimits},
    token_calls::TokenCalls,
    token_info::{EntityResult, Remaining},
};
use crate::{
    token::{
        BackendFuture, CallerToken, CapabilitiesResult, LookupConsistency, LookupMode,
        LookupResult, ResponseNode, TokenBackend, TokenInfo, TokenKind, Unavailable,
        UnavailableReason, UseOutcome,
    },
    vault::{
        api::token::{self, TokenLookupData},
        client::{Consistency, FailureKind, VaultError},
        session::{ServiceToken, VaultSession},
    },
};

/// Looks up tokens in Vault with the service's own token.
///
/// A lookup by the service consumes no use of the token and needs no policy of the caller. It does
/// not cover the entity, though: Vault finds a token whose entity is disabled or deleted like any
/// other, and rejects it everywhere else. So the entity is read as well.
pub struct VaultTokenBackend {
    session: Arc<VaultSession>,
    requester: Requester,
    limits: CallLimits,
    /// The auth mount of people, without `auth/` and without slashes at its ends.
    subject_mount: String,
}

/// The owner of the token that lookups are made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requester {
    /// The service. Its token is no caller's.
    Service,
    /// An operator, whose token may be looked up like any other.
    Operator,
}

impl VaultTokenBackend {
    /// Creates a backend that uses this session's token. `subject_mount` is the auth mount of people,
    /// without `auth/` and without slashes at its ends; it decides the form of subjects.
    #[must_use]
    pub fn new(session: Arc<VaultSession>, requester: Requester, subject_mount: String) -> Self {
        Self { session, requester, subject_mount, limits: CallLimits::new() }
    }

    /// Waits for a permit and then for the result, within the timeout of a shared request.
    async fn with_limits<T>(
        &self,
        kind: CallKind,
        request: impl Future<Output = Result<T, Unavailable>>,
    ) -> Result<T, Unavailable> {
        let limit = self.session.client().shared_timeout();
        let limited = async {
            let _permit = self.limits.acquire(kind).await.ok_or_else(|| {
                Unavailable::new(
                    UnavailableReason::Overloaded,
                    "too many requests to vault are in flight",
                )
            })?;
            request.await
        };
        timeout(limit, limited).await.unwrap_or_else(|_| {
            let why = "vault did not respond within VALIDATOR_VAULT_TIMEOUT";
            Err(Unavailable::new(UnavailableReason::NoValidResponse, why))
        })
    }

    /// Sends an idempotent request to the nodes of Vault that may respond. Returns the node that did.
    async fn at_node<'q, T>(
        &self,
        consistency: LookupConsistency,
        request: impl Fn(Arc<ServiceToken>, Consistency) -> BoxFuture<'q, Result<T, VaultError>>,
    ) -> Result<(T, ResponseNode), Unavailable> {
        if consistency == LookupConsistency::ActivePreferred {
            let client = self.session.client();
            let at_active = self.with_retry(|own| request(own, Consistency::ActiveNode));
            // Without an index every node is asked alike.
            if !client.has_seen_index() {
                return at_active.await.map(|response| (response, ResponseNode::Active));
            }
            match timeout(client.timeout() / 2, at_active).await {
                Ok(Ok(response)) => return Ok((response, ResponseNode::Active)),
                Ok(Err(unavailable)) if !may_respond_elsewhere(unavailable.reason) => {
                    return Err(unavailable);
                }
                Ok(Err(_)) | Err(_) => {}
            }
        }
        let response = self.with_retry(|own| request(own, Consistency::NotOlderThanSeen)).await?;
        Ok((response, ResponseNode::Any))
    }

    /// Sends an idempotent request, and sends it once more if the connection broke, or with a new
    /// token if Vault rejected the service's own.
    async fn with_retry<'q, T>(
        &self,
        request: impl Fn(Arc<ServiceToken>) -> BoxFuture<'q, Result<T, VaultError>>,
    ) -> Result<T, Unavailable> {
        let own = self.session.token().await?;
        let error = match request(Arc::clone(&own)).await {
            Ok(response) => {
                own.mark_accepted();
                return Ok(response);
            }
            Err(error) => error,
        };
        let second = match (error.kind, self.requester) {
            (FailureKind::TokenRejected, Requester::Service) => {
                self.session.reauthenticate(&own).await?
            }
            (FailureKind::PermissionDenied, Requester::Service) => {
                self.session.report_permission_denied();
                return Err(error.into());
            }
            (FailureKind::Reset, _) => own,
            _ => return Err(error.into()),
        };
        request(second).await.map_err(Unavailable::from)
    }

    async fn look_up(
        &self,
        calls: TokenCalls<'_>,
        token: &CallerToken,
    ) -> Result<LookupResult, VaultError> {
        let requested = Instant::now();
        let (data, meta) = match calls.look_up(token).await {
            Ok(Some((data, meta))) if !data.is_used_up() => (data, meta),
            Ok(_) => return Ok(LookupResult::Invalid),
            Err(error) if error.kind == FailureKind::PermissionDenied => {
                return classify_foreign_token(calls, token, error).await;
            }
            Err(error) => return Err(error),
        };
        let kind = self.token_kind(calls.own, token, &data)?;
        match data.remaining() {
            Remaining::Live => {}
            Remaining::Ending if calls.is_accepted(token).await? => {}
            Remaining::Ending | Remaining::Ended => return Ok(LookupResult::Invalid),
        }
        let Some(entity) = read_entity(calls, token, &data, kind).await? else {
            return Ok(LookupResult::Invalid);
        };
        let kind = if entity.has_unsafe_tenant() { TokenKind::UnsafeTenantMetadata } else { kind };
        let mut info = data.into_token_info(kind, &entity, &self.subject_mount, requested)?;
        info.source.request_id = meta.request_id.map(Into::into);
        Ok(LookupResult::Active(Box::new(info)))
    }

    fn token_kind(
        &self,
        own: &ServiceToken,
        token: &CallerToken,
        data: &TokenLookupData,
    ) -> Result<TokenKind, VaultError> {
        let is_own = own.is_same_as(token);
        if !is_own && own.matches_accessor(data.accessor.as_deref()) {
            // Vault takes an empty token in the request for the requester's. The caller rejects
            // empty tokens; if one got here, this is no caller's token.
            return Err(VaultError::malformed("the response is about the service's own token"));
        }
        let is_services = is_own || own.matches_entity(data.entity_id.as_deref());
        if is_services && self.requester == Requester::Service {
            return Ok(TokenKind::ServiceToken);
        }
        data.token_kind(self.session.client().namespace())
    }

    /// Looks up a token again after a use of it failed in Vault. Vault fails if another request takes
    /// the last use of the token at that moment; the token is gone after that.
    async fn recheck_exhausted(
        &self,
        token: &CallerToken,
        error: VaultError,
    ) -> Result<UseOutcome, Unavailable> {
        if matches!(error.kind, FailureKind::ServerError | FailureKind::StorageConflict) {
            let own = self.session.token().await?;
            let consistency = &Consistency::NotOlderThanSeen;
            let calls = TokenCalls { client: self.session.client(), own: &own, consistency };
            let found = calls.look_up(token).await;
            if found.is_ok_and(|found| found.is_none_or(|(data, _)| data.is_used_up())) {
                return Ok(UseOutcome::Exhausted);
            }
        }
        Err(error.into())
    }
}

impl TokenBackend for VaultTokenBackend {
    fn lookup(&self, token: CallerToken, mode: LookupMode) -> BackendFuture<'_, LookupResult> {
        Box::pin(async move {
            let (client, token) = (self.session.client(), &token);
            let request = |own: Arc<ServiceToken>, consistency: Consistency| -> BoxFuture<'_, _> {
                Box::pin(async move {
                    let calls = TokenCalls { client, own: &own, consistency: &consistency };
                    self.look_up(calls, token).await
                })
            };
            let lookup = self.at_node(mode.consistency, request);
            let (mut result, node) =
                self.with_limits(CallKind::Lookup(mode.priority), lookup).await?;
            if let LookupResult::Active(info) = &mut result {
                info.source.node = node;
            }
            Ok(result)
        })
    }

    fn capabilities(
        &self,
        token: CallerToken,
        paths: Vec<String>,
        consistency: LookupConsistency,
    ) -> BackendFuture<'_, CapabilitiesResult> {
        Box::pin(async move {
            let (client, token, paths) = (self.session.client(), &token, &paths);
            let request = |own: Arc<ServiceToken>, consistency: Consistency| -> BoxFuture<'_, _> {
                Box::pin(async move {
                    let calls = TokenCalls { client, own: &own, consistency: &consistency };
                    calls.capabilities_on(token, paths).await
                })
            };
            let granted = self.with_limits(CallKind::Other, self.at_node(consistency, request));
            let (granted, node) = granted.await?;
            Ok(granted.map_or(CapabilitiesResult::Invalid, |granted| {
                CapabilitiesResult::Capabilities(granted, node)
            }))
        })
    }

    fn consume_use(&self, token: CallerToken) -> BackendFuture<'_, UseOutcome> {
        Box::pin(async move {
            let request = async {
                match token::consume_use(self.session.client(), &token).await {
                    Ok(outcome) => Ok(outcome),
                    Err(error) => self.recheck_exhausted(&token, error).await,
                }
            };
            self.with_limits(CallKind::Other, request).await
        })
    }

    fn renew(&self, token: CallerToken) -> BackendFuture<'_, ()> {
        Box::pin(async move {
            let renewal = async {
                let renewed = token::renew_self(self.session.client(), token.as_secret()).await;
                renewed.map(drop).map_err(Unavailable::from)
            };
            self.with_limits(CallKind::Other, renewal).await
        })
    }

    /// Looks up a random token, which takes the same path through Vault as any other lookup.
    fn probe(&self) -> BackendFuture<'_, ()> {
        Box::pin(async move {
            let own = self.session.token().await?;
            let random = format!("s.{:032x}", rand::random::<u128>());
            let random = CallerToken::from(SecretString::from(random));
            let consistency = &Consistency::NotOlderThanSeen;
            let calls = TokenCalls { client: self.session.client(), own: &own, consistency };
            calls.look_up(&random).await.map(drop).map_err(Into::into)
        })
    }

    fn timeout(&self) -> Duration {
        self.session.client().timeout()
    }
}

/// Returns true if another node of Vault may respond although one did not.
fn may_respond_elsewhere(reason: UnavailableReason) -> bool {
    matches!(reason, UnavailableReason::NoValidResponse | UnavailableReason::Sealed)
}

/// Reads the entity of a token; `None` if Vault rejects the token because of it.
async fn read_entity(
    calls: TokenCalls<'_>,
    token: &CallerToken,
    data: &TokenLookupData,
    kind: TokenKind,
) -> Result<Option<EntityResult>, VaultError> {
    let Some(id) = data.entity_id.as_deref().filter(|id| !id.is_empty()) else {
        return Ok(Some(EntityResult::NoEntity));
    };
    if !matches!(kind, TokenKind::Caller | TokenKind::Root) {
        return Ok(Some(EntityResult::NotFound));
    }
    Ok(match calls.read_entity(id).await? {
        Some(entity) if entity.disabled => None,
        Some(entity) => Some(EntityResult::Found(entity)),
        None => calls.is_accepted(token).await?.then_some(EntityResult::NotFound),
    })
}

/// Classifies a token whose lookup was denied.
///
/// Vault responds alike if the service may not look up tokens at all, if the token is of another
/// namespace, whose id follows its last dot, and if it was made up with such an ending. The
/// token exists if Vault reports its capabilities; and the service may look up tokens if it can
/// look up its own.
async fn classify_foreign_token(
    calls: TokenCalls<'_>,
    token: &CallerToken,
    error: VaultError,
) -> Result<LookupResult, VaultError> {
    if !calls.is_accepted(token).await? {
        return Ok(LookupResult::Invalid);
    }
    match calls.look_up(&calls.own.to_token()).await {
        Ok(Some(_)) if token.expose().contains('.') => {
            Ok(LookupResult::Active(Box::new(TokenInfo::foreign_namespace())))
        }
        _ => Err(error),
    }
}

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::BoxFuture;
use secrecy::SecretString;
use tokio::time::timeout;

use super::{
    call_limits::{CallKind, CallLimits},
    token_info::{EntityResult, Remaining},
};
use crate::{
    capabilities::Capabilities,
    token::{
        BackendFuture, CallerToken, CapabilitiesResult, LookupPriority, LookupResult, TokenBackend,
        TokenInfo, TokenKind, Unavailable, UnavailableReason, UseOutcome,
    },
    vault::{
        api::{
            entity,
            sys::capabilities::capabilities,
            token::{self, TokenLookupData},
        },
        client::{Client, Consistency, FailureKind, VaultError},
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
        own: &ServiceToken,
        token: &CallerToken,
    ) -> Result<LookupResult, VaultError> {
        let client = self.session.client();
        let requested = Instant::now();
        let data = match look_up_token(client, own, token).await {
            Ok(Some(data)) if !data.is_used_up() => data,
            Ok(_) => return Ok(LookupResult::Invalid),
            Err(error) if error.kind == FailureKind::PermissionDenied => {
                return self.classify_foreign_token(own, token, error).await;
            }
            Err(error) => return Err(error),
        };
        let kind = self.token_kind(own, token, &data)?;
        match data.remaining() {
            Remaining::Live => {}
            Remaining::Ending if self.is_accepted(own, token).await? => {}
            Remaining::Ending | Remaining::Ended => return Ok(LookupResult::Invalid),
        }
        let Some(entity) = self.read_entity(own, token, &data, kind).await? else {
            return Ok(LookupResult::Invalid);
        };
        let kind = if entity.has_unsafe_tenant() { TokenKind::UnsafeTenantMetadata } else { kind };
        let info = data.into_token_info(kind, &entity, &self.subject_mount, requested)?;
        Ok(LookupResult::Active(Box::new(info)))
    }

    /// Reads the entity of a token; `None` if Vault rejects the token because of it.
    async fn read_entity(
        &self,
        own: &ServiceToken,
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
        let client = self.session.client();
        let entity =
            entity::read_by_id(client, &own.token, id, &Consistency::NotOlderThanSeen).await;
        Ok(match none_on(FailureKind::NotFound, entity)? {
            Some(entity) if entity.disabled => None,
            Some(entity) => Some(EntityResult::Found(entity)),
            None => self.is_accepted(own, token).await?.then_some(EntityResult::NotFound),
        })
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

    /// Returns true if Vault accepts a token whose lookup does not settle that. A deleted entity
    /// takes its tokens with it; one that was merged into another does not, and is not found by its
    /// old id. It also works for tokens of other namespaces.
    async fn is_accepted(
        &self,
        own: &ServiceToken,
        token: &CallerToken,
    ) -> Result<bool, VaultError> {
        let any_path = ["sys/capabilities".to_owned()];
        let client = self.session.client();
        Ok(capabilities_on(client, own, token, &any_path).await?.is_some())
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
            let data = look_up_token(self.session.client(), &own, token).await;
            if data.is_ok_and(|data| data.is_none_or(|data| data.is_used_up())) {
                return Ok(UseOutcome::Exhausted);
            }
        }
        Err(error.into())
    }

    /// Classifies a token whose lookup was denied.
    ///
    /// Vault responds alike if the service may not look up tokens at all, if the token is of another
    /// namespace, whose id follows its last dot, and if it was made up with such an ending. The
    /// token exists if Vault reports its capabilities; and the service may look up tokens if it can
    /// look up its own.
    async fn classify_foreign_token(
        &self,
        own: &ServiceToken,
        token: &CallerToken,
        error: VaultError,
    ) -> Result<LookupResult, VaultError> {
        if !self.is_accepted(own, token).await? {
            return Ok(LookupResult::Invalid);
        }
        match look_up_token(self.session.client(), own, &own.to_token()).await {
            Ok(Some(_)) if token.expose().contains('.') => {
                Ok(LookupResult::Active(Box::new(TokenInfo::foreign_namespace())))
            }
            _ => Err(error),
        }
    }
}

impl TokenBackend for VaultTokenBackend {
    fn lookup(
        &self,
        token: CallerToken,
        priority: LookupPriority,
    ) -> BackendFuture<'_, LookupResult> {
        Box::pin(async move {
            let token = &token;
            let request = |own: Arc<ServiceToken>| -> BoxFuture<'_, _> {
                Box::pin(async move { self.look_up(&own, token).await })
            };
            self.with_limits(CallKind::Lookup(priority), self.with_retry(request)).await
        })
    }

    fn capabilities(
        &self,
        token: CallerToken,
        paths: Vec<String>,
    ) -> BackendFuture<'_, CapabilitiesResult> {
        Box::pin(async move {
            let (client, token, paths) = (self.session.client(), &token, &paths);
            let request = |own: Arc<ServiceToken>| -> BoxFuture<'_, _> {
                Box::pin(async move {
                    let granted = capabilities_on(client, &own, token, paths).await?;
                    Ok(granted
                        .map_or(CapabilitiesResult::Invalid, CapabilitiesResult::Capabilities))
                })
            };
            self.with_limits(CallKind::Other, self.with_retry(request)).await
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
            let lookup = look_up_token(self.session.client(), &own, &random).await;
            lookup.map(drop).map_err(Into::into)
        })
    }

    fn timeout(&self) -> Duration {
        self.session.client().timeout()
    }
}

/// Looks up a token; `None` if Vault has no such token.
async fn look_up_token(
    client: &Client,
    own: &ServiceToken,
    token: &CallerToken,
) -> Result<Option<TokenLookupData>, VaultError> {
    let lookup = token::lookup(client, &own.token, token, &Consistency::NotOlderThanSeen).await;
    none_on(FailureKind::TokenNotFound, lookup.map(|(data, _)| data))
}

/// Returns the capabilities of a token on each of these paths, in their order; `None` if Vault has no
/// such token.
async fn capabilities_on(
    client: &Client,
    own: &ServiceToken,
    token: &CallerToken,
    paths: &[String],
) -> Result<Option<Arc<[Capabilities]>>, VaultError> {
    let consistency = Consistency::NotOlderThanSeen;
    let response = capabilities(client, &own.token, token, paths, &consistency).await;
    let response = none_on(FailureKind::TokenNotFound, response)?;
    response.map(|response| response.on_each(paths)).transpose()
}

/// Returns the result, with `None` for this failure.
fn none_on<T>(
    expected: FailureKind,
    result: Result<T, VaultError>,
) -> Result<Option<T>, VaultError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind == expected => Ok(None),
        Err(error) => Err(error),
    }
}

use http::HeaderMap;

use crate::{
    auth::{AuthRequest, Decision, Recency, Refusal},
    forwarded::{ForwardedRequest, Peer},
    requirements::Requirements,
    secrets::SecretError,
    server::api::{
        capacity::{MemoryPermit, ReadKind},
        error::ApiError,
        fair_semaphore::{FairPermit, Holder},
        logged_request::set_caller,
        state::ApiState,
    },
    telemetry::SecretOperation,
    token::{CallerIdentity, CallerToken, Credential, CredentialError, RequestAudience},
    vault::SecretsClient,
};

/// No requirements beyond a valid token: Vault authorizes the rest.
static NO_REQUIREMENTS: Requirements = Requirements::NONE;

/// A caller with a well-formed credential, not yet authenticated. No resources are held for it.
pub(super) struct UnauthenticatedCaller<'r> {
    api: &'r ApiState,
    auth_request: AuthRequest<'r>,
    token: CallerToken,
}

/// A caller with a valid token. Only then is a body read, or a permit acquired.
pub(super) struct Caller<'r> {
    request: UnauthenticatedCaller<'r>,
    holder: Holder,
}

impl ApiState {
    /// Finds the credential in these headers, without a call to Vault.
    pub(super) async fn begin_request<'r>(
        &'r self,
        headers: &'r HeaderMap,
        peer: Peer,
    ) -> Result<UnauthenticatedCaller<'r>, ApiError> {
        let auth_request = self.auth_request(headers, peer);
        let token = match auth_request.credential.as_ref().map(Credential::token) {
            Ok(token) => token.ok_or(Refusal::TokenInvalid)?,
            Err(error) => {
                return Err(self.credential_error(*error, &auth_request).await);
            }
        };
        Ok(UnauthenticatedCaller { api: self, auth_request, token })
    }

    /// Builds the authorization request, as `/validate` does.
    pub(super) fn auth_request<'r>(
        &'r self,
        headers: &'r HeaderMap,
        peer: Peer,
    ) -> AuthRequest<'r> {
        let audience = RequestAudience { authority: || None, resource: None };
        AuthRequest {
            credential: self.credentials.find(headers.into(), audience),
            requirements: &NO_REQUIREMENTS,
            forwarded: ForwardedRequest::new(headers.into(), peer, &self.trust),
            recency: Recency::Cached,
        }
    }

    /// Returns the error for a request without a valid credential, without a call to Vault.
    async fn credential_error(
        &self,
        error: CredentialError,
        auth_request: &AuthRequest<'_>,
    ) -> ApiError {
        let Decision { outcome, .. } = self.validator.authenticate(auth_request).await;
        outcome.err().unwrap_or(Refusal::Credential(error)).into()
    }
}

impl<'r> UnauthenticatedCaller<'r> {
    /// Authenticates the caller, as `/validate` does, for this operation.
    pub(super) async fn authenticate(
        self,
        operation: SecretOperation,
    ) -> Result<Caller<'r>, ApiError> {
        let decision = self.api.validator.authenticate(&self.auth_request).await;
        set_caller(decision.caller);
        let entry = decision.outcome?;
        let tenant = entry.identity.tenant();
        self.api.metrics.record_tenant_operation(tenant.as_deref(), operation);
        let holder = self.holder(&entry.identity)?;
        Ok(Caller { request: self, holder })
    }

    /// Returns the holder that this caller's permits are counted for.
    fn holder(&self, identity: &CallerIdentity) -> Result<Holder, ApiError> {
        if let Some(tenant) = identity.tenant() {
            return Ok(Holder::Tenant(tenant.into_owned()));
        }
        if let Some(id) = identity.entity_id() {
            return Ok(Holder::Entity(id.into_owned()));
        }
        let credential = self.auth_request.credential.as_ref();
        let credential = credential.map_err(|error| Refusal::Credential(*error))?;
        Ok(Holder::Token(self.api.validator.cache.key(credential)))
    }
}

impl Caller<'_> {
    /// Acquires memory for the response, and a permit to call Vault.
    pub(super) async fn acquire_read(
        &self,
        kind: ReadKind,
    ) -> Result<(MemoryPermit, FairPermit), ApiError> {
        self.request.api.capacity.acquire_read(&self.holder, kind).await
    }

    /// Acquires memory for a request body, of unknown length without `Content-Length`.
    pub(super) async fn acquire_body(
        &self,
        content_length: Option<usize>,
    ) -> Result<MemoryPermit, ApiError> {
        self.request.api.capacity.acquire_body(&self.holder, content_length).await
    }

    /// Acquires a permit to call Vault once for each of this number of secrets.
    pub(super) async fn acquire_lookups(
        &self,
        secrets: usize,
    ) -> Result<Option<FairPermit>, ApiError> {
        self.request.api.capacity.acquire_lookups(&self.holder, secrets).await
    }

    /// Acquires a permit for a write to Vault.
    pub(super) async fn acquire_write(&self) -> Result<FairPermit, ApiError> {
        self.request.api.capacity.acquire_write(&self.holder).await
    }

    /// Returns the secret store, which is called with the caller's own token.
    pub(super) fn secrets(&self) -> SecretsClient<'_> {
        let UnauthenticatedCaller { api, token, .. } = &self.request;
        SecretsClient::new(&api.client, &api.mounts, token.as_secret())
            .with_check_cache(&api.checks)
    }

    /// Maps a secret error to an API error. If Vault rejects a token that was accepted before,
    /// looks the token up again first: a client discards its token after a 401.
    pub(super) async fn map_error(&self, error: SecretError) -> ApiError {
        let UnauthenticatedCaller { api, auth_request, .. } = &self.request;
        match error {
            SecretError::TokenRejected => {
                api.validator.classify_rejection(auth_request).await.into()
            }
            SecretError::PermissionDenied => Refusal::AclDenied.into(),
            SecretError::Unavailable(unavailable) | SecretError::OutcomeUnknown(unavailable) => {
                Refusal::from(unavailable).into()
            }
            error => ApiError::Secret(error),
        }
    }
}

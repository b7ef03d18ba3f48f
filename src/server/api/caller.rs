use http::HeaderMap;

use crate::{
    decision::{Asked, Decision, Refusal},
    forwarded::{Forwarded, Peer},
    requirement::Requirements,
    secrets::SecretError,
    server::api::{
        Api,
        capacity::{Memory, Read},
        error::ApiError,
        fair_semaphore::{FairPermit, Holder},
    },
    token::{Credential, CredentialError, Identity, Token},
    vault::Secrets,
};

/// Nothing is required but a live token: Vault decides on the rest.
static NOTHING: Requirements = Requirements::NONE;

/// Somebody with a credential that has the form of one. Nothing is kept for them but their request.
pub(super) struct Visitor<'r> {
    api: &'r Api,
    asked: Asked<'r>,
    token: Token,
}

/// Somebody whose token Vault knows. Only then is a body read, or a permit acquired.
pub(super) struct Caller<'r> {
    visitor: Visitor<'r>,
    holder: Holder,
}

impl Api {
    /// The visitor that these headers tell of. Vault is not asked.
    pub(super) async fn receive<'r>(
        &'r self,
        headers: &'r HeaderMap,
        peer: Peer,
    ) -> Result<Visitor<'r>, ApiError> {
        let asked = self.asked(headers, peer);
        let token = match asked.credential.as_ref().map(Token::from) {
            Ok(token) => token,
            Err(error) => return Err(self.without_credential(*error, &asked).await),
        };
        Ok(Visitor { api: self, asked, token })
    }

    /// The question that `/validate` would put.
    pub(super) fn asked<'r>(&'r self, headers: &'r HeaderMap, peer: Peer) -> Asked<'r> {
        Asked {
            credential: Credential::find(headers.into(), &self.credentials),
            requirements: &NOTHING,
            forwarded: Forwarded::new(headers.into(), peer, &self.trust),
        }
    }

    /// The decision on a request without a credential, which Vault has no part in.
    async fn without_credential(&self, error: CredentialError, asked: &Asked<'_>) -> ApiError {
        let Decision { outcome, .. } = self.validator.recognise(asked).await;
        outcome.err().unwrap_or(Refusal::Credential(error)).into()
    }
}

impl<'r> Visitor<'r> {
    /// Lets the visitor in, as `/validate` would.
    pub(super) async fn admit(self) -> Result<Caller<'r>, ApiError> {
        let entry = self.api.validator.recognise(&self.asked).await.outcome?;
        let holder = self.holder(&entry.identity)?;
        Ok(Caller { visitor: self, holder })
    }

    /// Who this caller's requests are counted for.
    fn holder(&self, identity: &Identity) -> Result<Holder, ApiError> {
        if let Some(tenant) = identity.tenant() {
            return Ok(Holder::Tenant(tenant.into_owned()));
        }
        if let Some(id) = identity.entity_id() {
            return Ok(Holder::Entity(id.into_owned()));
        }
        let credential = self.asked.credential.as_ref();
        let credential = credential.map_err(|error| Refusal::Credential(*error))?;
        Ok(Holder::Token(self.api.validator.cache.key(credential)))
    }
}

impl Caller<'_> {
    /// Waits for memory for the response, and for the caller's turn to ask Vault.
    pub(super) async fn begin(&self, read: Read) -> Result<(Memory, FairPermit), ApiError> {
        self.visitor.api.capacity.begin(&self.holder, read).await
    }

    /// Waits for memory for the body of a request, of unknown length if none is announced.
    pub(super) async fn reserve(&self, announced: Option<usize>) -> Result<Memory, ApiError> {
        self.visitor.api.capacity.reserve(&self.holder, announced).await
    }

    /// Waits for the caller's turn to ask Vault about so many secrets, one by one.
    pub(super) async fn lookups(&self, secrets: usize) -> Result<Option<FairPermit>, ApiError> {
        self.visitor.api.capacity.lookups(&self.holder, secrets).await
    }

    /// Waits for the caller's turn to ask Vault to write.
    pub(super) async fn turn(&self) -> Result<FairPermit, ApiError> {
        self.visitor.api.capacity.turn(&self.holder).await
    }

    /// The secrets as the caller's own token sees them.
    pub(super) fn secrets(&self) -> Secrets<'_> {
        let Visitor { api, token, .. } = &self.visitor;
        Secrets::new(&api.client, &api.mounts, token.secret()).remembering(&api.checks)
    }

    /// What this means to the caller. That Vault refuses a token which was let in is looked into
    /// first: a client that is told so throws it away.
    pub(super) async fn explain(&self, error: SecretError) -> ApiError {
        let Visitor { api, asked, .. } = &self.visitor;
        match error {
            SecretError::TokenRefused => api.validator.reconsider(asked).await.into(),
            SecretError::Denied => Refusal::AclDenied.into(),
            SecretError::Unavailable(unavailable) | SecretError::Unsettled(unavailable) => {
                Refusal::from(unavailable).into()
            }
            error => ApiError::Secret(error),
        }
    }
}

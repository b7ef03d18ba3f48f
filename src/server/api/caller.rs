use http::HeaderMap;
use tokio::sync::SemaphorePermit;

use crate::{
    decision::{Asked, Decision, Refusal},
    forwarded::{Forwarded, Peer},
    requirement::Requirements,
    secrets::SecretError,
    server::api::{Api, error::ApiError},
    token::{Cause, Credential, CredentialError, Token, Unavailable},
    vault::Secrets,
};

/// Nothing is required but a live token: Vault decides on the rest.
static NOTHING: Requirements = Requirements::NONE;

/// Somebody with a credential that has the form of one.
pub(super) struct Visitor<'r> {
    api: &'r Api,
    asked: Asked<'r>,
    token: Token,
}

/// Somebody whose token Vault knows, and whose turn it is.
pub(super) struct Caller<'r> {
    visitor: Visitor<'r>,
    _turn: SemaphorePermit<'r>,
}

impl Api {
    /// The visitor that these headers tell of. Vault is not asked.
    pub(super) async fn receive<'r>(
        &'r self,
        headers: &'r HeaderMap,
        peer: Peer,
    ) -> Result<Visitor<'r>, ApiError> {
        let asked = self.asked(headers, peer);
        match asked.credential.as_ref().map(Token::from) {
            Ok(token) => Ok(Visitor { api: self, asked, token }),
            Err(error) => Err(self.without_credential(*error, &asked).await),
        }
    }

    /// The question that `/validate` would put.
    pub(super) fn asked<'r>(&'r self, headers: &'r HeaderMap, peer: Peer) -> Asked<'r> {
        Asked {
            credential: Credential::find(headers, &self.credentials),
            requirements: &NOTHING,
            forwarded: Forwarded::new(headers, peer, &self.trust),
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
        self.api.validator.recognise(&self.asked).await.outcome?;
        let Ok(turn) = self.api.turns.0.try_acquire() else {
            let detail = "too many requests are busy with vault";
            return Err(Refusal::from(Unavailable::new(Cause::Overloaded, detail)).into());
        };
        Ok(Caller { visitor: self, _turn: turn })
    }
}

impl Caller<'_> {
    /// The secrets as the caller's own token sees them.
    pub(super) fn secrets(&self) -> Secrets<'_> {
        let Visitor { api, token, .. } = &self.visitor;
        Secrets::new(&api.client, &api.mounts, token.secret())
    }

    /// What this means to the caller. That Vault refuses a token which was let in is looked into
    /// first: a client that is told so throws it away.
    pub(super) async fn explain(&self, error: SecretError) -> ApiError {
        let Visitor { api, asked, .. } = &self.visitor;
        match error {
            SecretError::TokenRefused => api.validator.reconsider(asked).await.into(),
            SecretError::Denied => Refusal::AclDenied.into(),
            SecretError::Unavailable(unavailable) => Refusal::from(unavailable).into(),
            error => ApiError::Secret(error),
        }
    }
}

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

/// Somebody with a credential that has the form of one, and whose turn it is. Not even the body is
/// read before that.
pub(super) struct Visitor<'r> {
    api: &'r Api,
    asked: Asked<'r>,
    token: Token,
    _turn: SemaphorePermit<'r>,
}

/// Somebody whose token Vault knows.
pub(super) struct Caller<'r>(Visitor<'r>);

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
        let Ok(turn) = self.turns.0.try_acquire() else {
            let detail = "too many requests are busy with secrets";
            return Err(Refusal::from(Unavailable::new(Cause::Overloaded, detail)).into());
        };
        Ok(Visitor { api: self, asked, token, _turn: turn })
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
        self.api.validator.recognise(&self.asked).await.outcome?;
        Ok(Caller(self))
    }
}

impl Caller<'_> {
    /// The secrets as the caller's own token sees them.
    pub(super) fn secrets(&self) -> Secrets<'_> {
        let Visitor { api, token, .. } = &self.0;
        Secrets::new(&api.client, &api.mounts, token.secret())
    }

    /// What this means to the caller. That Vault refuses a token which was let in is looked into
    /// first: a client that is told so throws it away.
    pub(super) async fn explain(&self, error: SecretError) -> ApiError {
        let Visitor { api, asked, .. } = &self.0;
        match error {
            SecretError::TokenRefused => api.validator.reconsider(asked).await.into(),
            SecretError::Denied => Refusal::AclDenied.into(),
            SecretError::Unavailable(unavailable) => Refusal::from(unavailable).into(),
            error => ApiError::Secret(error),
        }
    }
}

use axum::{body::Body, response::IntoResponse};
use http::{Response, StatusCode};

use crate::{
    decision::{Challenge, Refusal, Severity, Terms},
    secrets::{BodyError, Inexpressible, NameError, SecretError},
    server::{
        problem::{self, Details},
        request_id::RequestId,
    },
};

/// Why a request of the API gets something else than it asked for.
#[derive(Clone, Debug)]
pub(super) enum ApiError {
    /// As at `/validate`.
    Refused(Refusal),
    /// A name in the path is none.
    Name(NameError),
    /// The query is not understood; says what would be.
    Query(&'static str),
    /// A precondition is not understood; says what would be.
    Precondition(&'static str),
    /// The body is not what it is said to be, or is not said to be JSON.
    MediaType(&'static str),
    /// The body is not what is wanted.
    Body(BodyError),
    /// There is something in a body that should be empty.
    BodyUnwanted,
    /// The body is larger than any that is read.
    BodyTooLarge,
    /// The body did not come, or not whole.
    BodyBroken(StatusCode),
    /// The path is that of a secret's versions, and of a secret of its own.
    NameAmbiguous,
    /// There is a secret, without this field.
    NoSuchField,
    /// A value has no words in the dialect that was asked for.
    Inexpressible(Inexpressible),
    /// There is no secret to give, or none was written.
    Secret(SecretError),
}

const AMBIGUOUS: &str = "there is a secret of this very name, which ends in `versions`; the command \
                         `secrets` reaches that one and the versions of the other";

impl ApiError {
    /// What it means, to everyone: the table of the codes that [`Refusal`] does not have.
    pub(super) fn terms(&self) -> Terms {
        let (status, code, title) = match self {
            Self::Refused(refusal) => return refusal.terms(),
            Self::Secret(error) => return secret_terms(error),
            Self::Name(_) => (400, "name_invalid", "The path names no secret"),
            Self::Query(_) => (400, "query_invalid", "The query cannot be understood"),
            Self::Precondition(_) => {
                (400, "precondition_invalid", "The precondition cannot be understood")
            }
            Self::MediaType(_) => (415, "media_type_unsupported", "The body has to be JSON"),
            Self::Body(BodyError::Syntax { .. }) => (400, "body_malformed", "The body is no JSON"),
            Self::Body(_) => (422, "body_invalid", "The body does not say what to write"),
            Self::BodyUnwanted => (422, "body_invalid", "There is something in the body"),
            Self::BodyTooLarge => (413, "body_too_large", "The body is too large"),
            Self::BodyBroken(StatusCode::REQUEST_TIMEOUT) => {
                (408, "body_timeout", "The body did not come in time")
            }
            Self::BodyBroken(_) => (400, "body_malformed", "The body is no JSON"),
            Self::NameAmbiguous => (409, "name_ambiguous", "The path has two meanings"),
            Self::NoSuchField => (404, "field_not_found", "The secret has no such field"),
            Self::Inexpressible(_) => {
                (422, "value_inexpressible", "A value cannot be written in this dialect")
            }
        };
        terms(status, code, title, Severity::Client)
    }

    /// What is wrong, for the client. Nothing that Vault said, and nothing of the caller.
    fn told(&self) -> Option<String> {
        match self {
            Self::Refused(_) | Self::NoSuchField => None,
            Self::NameAmbiguous => Some(AMBIGUOUS.to_owned()),
            Self::Name(error) => Some(error.to_string()),
            Self::Query(what) | Self::Precondition(what) | Self::MediaType(what) => {
                Some((*what).to_owned())
            }
            Self::Body(error) => Some(error.to_string()),
            Self::BodyUnwanted => Some("a body is not read here; leave it out".to_owned()),
            Self::BodyTooLarge => Some("a body may have 1 MiB".to_owned()),
            Self::BodyBroken(_) => Some("the body ended too early, or came too slowly".to_owned()),
            Self::Inexpressible(error) => Some(error.to_string()),
            Self::Secret(error) => Some(error.to_string()),
        }
    }

    /// The answer, and the one line in the log.
    pub(super) fn answer(&self, id: &RequestId) -> Response<Body> {
        let told = self.told();
        let logged = match self {
            Self::Refused(refusal) => refusal.detail(),
            _ => told.clone(),
        };
        let details = Details { told: told.as_deref(), logged: logged.as_deref() };
        problem::refuse(&self.terms(), details, id).map(Body::from)
    }
}

fn secret_terms(error: &SecretError) -> Terms {
    let client = |status, code, title| terms(status, code, title, Severity::Client);
    match error {
        SecretError::Absent => client(404, "secret_not_found", "There is no such secret"),
        SecretError::VersionAbsent { .. } => {
            client(404, "version_not_found", "The secret has no such version")
        }
        SecretError::KeyAbsent(_) => client(404, "field_not_found", "The secret has no such field"),
        SecretError::Deleted(_) => client(404, "secret_deleted", "The secret was deleted"),
        SecretError::Destroyed(_) => client(404, "secret_destroyed", "The secret was destroyed"),
        SecretError::Conflict | SecretError::KeyAhead | SecretError::LeaseLost => {
            client(412, "version_conflict", "The secret is not in the state that was expected")
        }
        SecretError::TooLarge => client(413, "secret_too_large", "Vault takes no secret so large"),
        SecretError::Unreadable(_) => {
            client(409, "secret_unreadable", "What is kept here is not a secret of this place")
        }
        SecretError::KeyMissing => client(404, "key_missing", "The tenant has no key"),
        SecretError::KeyUnfit(_) => {
            terms(409, "key_unfit", "The tenant's key cannot be used", Severity::Operator)
        }
        SecretError::MountUnfit => {
            terms(409, "mount_unfit", "The mount for secrets cannot be used", Severity::Operator)
        }
        SecretError::Denied => Refusal::AclDenied.terms(),
        SecretError::TokenRefused => Refusal::TokenInvalid.terms(),
        SecretError::Unavailable(unavailable) | SecretError::Unsettled(unavailable) => {
            Refusal::from(unavailable.clone()).terms()
        }
    }
}

fn terms(status: u16, code: &'static str, title: &'static str, severity: Severity) -> Terms {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Terms { status, code, title, challenge: Challenge::Absent, retry_after: None, severity }
}

/// Travels to [`attend`](super::attend::attend), which knows the request that it answers.
impl IntoResponse for ApiError {
    fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.terms().status;
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<NameError> for ApiError {
    fn from(error: NameError) -> Self {
        Self::Name(error)
    }
}

impl From<BodyError> for ApiError {
    fn from(error: BodyError) -> Self {
        Self::Body(error)
    }
}

impl From<Inexpressible> for ApiError {
    fn from(error: Inexpressible) -> Self {
        Self::Inexpressible(error)
    }
}

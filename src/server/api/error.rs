use axum::{body::Body, response::IntoResponse};
use http::{Response, StatusCode};

use crate::{
    auth::{Challenge, ProblemSpec, Refusal, RefusalSeverity},
    secrets::{NameError, SecretBodyError, SecretError, UnencodableValue},
    server::{problem, request_id::RequestId},
};

/// An error of an API request.
#[derive(Clone, Debug)]
pub(super) enum ApiError {
    /// An authorization error, as at `/validate`.
    Refused(Refusal),
    /// A name in the path is invalid.
    Name(NameError),
    /// The query is invalid; with the valid parameters.
    Query(&'static str),
    /// A precondition is invalid; with the valid forms.
    Precondition(&'static str),
    /// The media type or encoding of the body is not supported.
    MediaType(&'static str),
    /// The body is not a valid write.
    Body(SecretBodyError),
    /// The body has to be empty.
    BodyNotEmpty,
    /// The body is larger than 1 MiB.
    BodyTooLarge,
    /// The body is incomplete, with the status for the cause.
    BodyIncomplete(StatusCode),
    /// The path is that of a secret's versions, and also the name of another secret.
    NameAmbiguous,
    /// The secret does not have this field.
    FieldNotFound,
    /// A value cannot be represented in the requested dialect.
    Inexpressible(UnencodableValue),
    /// The secret store returned an error.
    Secret(SecretError),
}

/// The result of an API handler.
pub(super) type ApiResult = Result<Response<Body>, ApiError>;

const AMBIGUOUS: &str = "a secret with exactly this name, ending in `versions`, exists too; use \
                         the command `secrets` for that secret and for the versions of the other";

impl ApiError {
    /// Returns status, code and title: the table of the codes that [`Refusal`] does not have.
    pub(super) fn terms(&self) -> ProblemSpec {
        let (status, code, title) = match self {
            Self::Refused(refusal) => return refusal.problem_spec(),
            Self::Secret(error) => return secret_terms(error),
            Self::Name(_) => (400, "name_invalid", "The path is not a valid secret name"),
            Self::Query(_) => (400, "query_invalid", "The query is not valid"),
            Self::Precondition(_) => (400, "precondition_invalid", "The precondition is not valid"),
            Self::MediaType(_) => (415, "media_type_unsupported", "The body has to be JSON"),
            Self::Body(SecretBodyError::Syntax { .. }) => {
                (400, "body_malformed", "The body is not valid JSON")
            }
            Self::Body(_) => (422, "body_invalid", "The body is not a valid write"),
            Self::BodyNotEmpty => (422, "body_invalid", "The body has to be empty"),
            Self::BodyTooLarge => (413, "body_too_large", "The body is too large"),
            Self::BodyIncomplete(StatusCode::REQUEST_TIMEOUT) => {
                (408, "body_timeout", "The body did not arrive in time")
            }
            Self::BodyIncomplete(_) => (400, "body_malformed", "The body is not valid JSON"),
            Self::NameAmbiguous => (409, "name_ambiguous", "The path is ambiguous"),
            Self::FieldNotFound => (404, "field_not_found", "The field does not exist"),
            Self::Inexpressible(_) => {
                (422, "value_inexpressible", "A value cannot be represented in this format")
            }
        };
        terms(status, code, title, RefusalSeverity::Client)
    }

    /// Returns the detail for the client, without Vault's messages and without the caller.
    fn client_detail(&self) -> Option<String> {
        match self {
            Self::Refused(_) | Self::FieldNotFound => None,
            Self::NameAmbiguous => Some(AMBIGUOUS.to_owned()),
            Self::Name(error) => Some(error.to_string()),
            Self::Query(detail) | Self::Precondition(detail) | Self::MediaType(detail) => {
                Some((*detail).to_owned())
            }
            Self::Body(error) => Some(error.to_string()),
            Self::BodyNotEmpty => Some("this request must not have a body".to_owned()),
            Self::BodyTooLarge => Some("the maximum size of a body is 1 MiB".to_owned()),
            Self::BodyIncomplete(_) => {
                Some("the body is incomplete or arrived too slowly".to_owned())
            }
            Self::Inexpressible(error) => Some(error.to_string()),
            Self::Secret(error) => Some(error.to_string()),
        }
    }

    /// Returns the detail for the log; never a secret.
    pub(super) fn log_detail(&self) -> Option<String> {
        match self {
            Self::Refused(refusal) => refusal.detail(),
            _ => self.client_detail(),
        }
    }

    /// Returns the response.
    pub(super) fn response(&self, id: &RequestId) -> Response<Body> {
        let detail = self.client_detail();
        problem::problem_response(&self.terms(), detail.as_deref(), id).map(Body::from)
    }
}

fn secret_terms(error: &SecretError) -> ProblemSpec {
    let client = |status, code, title| terms(status, code, title, RefusalSeverity::Client);
    match error {
        SecretError::NotFound => client(404, "secret_not_found", "The secret does not exist"),
        SecretError::VersionNotFound { .. } => {
            client(404, "version_not_found", "The version does not exist")
        }
        SecretError::FieldNotFound(_) => client(404, "field_not_found", "The field does not exist"),
        SecretError::Deleted(_) => client(404, "secret_deleted", "The secret was deleted"),
        SecretError::Destroyed(_) => client(404, "secret_destroyed", "The secret was destroyed"),
        SecretError::Conflict | SecretError::UnstoredKeyVersion | SecretError::LeaseLost => {
            client(412, "version_conflict", "The secret does not match the precondition")
        }
        SecretError::TooLarge => {
            client(413, "secret_too_large", "The secret is too large for Vault")
        }
        SecretError::Unreadable(_) => {
            client(409, "secret_unreadable", "The stored value is not a valid secret for this path")
        }
        SecretError::KeyMissing => client(404, "key_missing", "The tenant has no key"),
        SecretError::KeyUnusable(_) => {
            terms(409, "key_unfit", "The tenant's key cannot be used", RefusalSeverity::Operator)
        }
        SecretError::MountNotVersioned => terms(
            409,
            "mount_unfit",
            "The mount for secrets cannot be used",
            RefusalSeverity::Operator,
        ),
        SecretError::PermissionDenied => Refusal::AclDenied.problem_spec(),
        SecretError::TokenRejected => Refusal::TokenInvalid.problem_spec(),
        SecretError::Unavailable(unavailable) | SecretError::OutcomeUnknown(unavailable) => {
            Refusal::from(unavailable.clone()).problem_spec()
        }
    }
}

fn terms(
    status: u16,
    code: &'static str,
    title: &'static str,
    severity: RefusalSeverity,
) -> ProblemSpec {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    ProblemSpec { status, code, title, challenge: Challenge::None, retry_after: None, severity }
}

/// The response carries the error as an extension to the middleware `observe`, which has the
/// request.
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

impl From<SecretBodyError> for ApiError {
    fn from(error: SecretBodyError) -> Self {
        Self::Body(error)
    }
}

impl From<UnencodableValue> for ApiError {
    fn from(error: UnencodableValue) -> Self {
        Self::Inexpressible(error)
    }
}

use std::{fmt, time::Duration};

use http::StatusCode;

/// An error of an OAuth endpoint (RFC 6749, 4.1.2.1 and 5.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OAuthError {
    /// The code.
    pub code: OAuthErrorCode,
    /// The explanation for developers of clients; contains nothing that a client sent.
    pub description: &'static str,
    /// The time after which the client may try again, if that can succeed.
    pub retry_after: Option<Duration>,
}

/// The code of an [`OAuthError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OAuthErrorCode {
    /// A parameter is missing, malformed or repeated.
    InvalidRequest,
    /// The client is unknown, or authenticates although it is public.
    InvalidClient,
    /// The code or the refresh token is not valid.
    InvalidGrant,
    /// The resource is not served here, or is not the one of the grant (RFC 8707, 2).
    InvalidTarget,
    /// The grant type is not supported.
    UnsupportedGrantType,
    /// The response type is not supported.
    UnsupportedResponseType,
    /// The person has refused.
    AccessDenied,
    /// The person's token may not be used from the client's address.
    UnauthorizedClient,
    /// Vault is unavailable, or there were too many requests: the client may try again.
    TemporarilyUnavailable,
    /// An internal error.
    ServerError,
}

impl OAuthErrorCode {
    /// Returns the registered name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::InvalidTarget => "invalid_target",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::AccessDenied => "access_denied",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::ServerError => "server_error",
        }
    }

    /// Returns the status of a response with the error. An unknown client gets 400 (RFC 6749, 5.2): with a
    /// 401 there would have to be a scheme with which it can authenticate.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::TemporarilyUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::ServerError => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

impl OAuthError {
    /// Creates an error.
    #[must_use]
    pub fn new(code: OAuthErrorCode, description: &'static str) -> Self {
        Self { code, description, retry_after: None }
    }

    /// Creates the error of a request that may succeed after this time.
    #[must_use]
    pub fn try_again(description: &'static str, after: Duration) -> Self {
        let code = OAuthErrorCode::TemporarilyUnavailable;
        Self { code, description, retry_after: Some(after) }
    }

    /// Creates the error of a request with a missing, malformed or repeated parameter.
    #[must_use]
    pub fn invalid_request(description: &'static str) -> Self {
        Self::new(OAuthErrorCode::InvalidRequest, description)
    }
}

impl fmt::Display for OAuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.description)
    }
}

impl std::error::Error for OAuthError {}

//! The responses to logins that fail.

use http::StatusCode;

use super::{
    PageResponse,
    destination::LoginDestination,
    form,
    log::{log_limit, log_operator_error, log_refusal},
    request::LoginRequest,
};
use crate::{
    login::{
        LoginError, ReturnUrl, TooManyLogins,
        pages::{LoginMessage, Notice},
    },
    telemetry::{UserLoginOutcome, record_unavailable},
};

/// Logs the failure of a login, and returns the status and the message for it.
pub(super) fn error_message(
    request: &LoginRequest,
    mount: &str,
    error: &LoginError,
) -> (StatusCode, LoginMessage) {
    match error {
        LoginError::Rejected => {
            log_refusal(request, mount, "credentials_rejected");
            (StatusCode::FORBIDDEN, LoginMessage::WrongCredentials)
        }
        LoginError::Expired => {
            request.state.metrics.record_user_login(UserLoginOutcome::Other);
            (StatusCode::BAD_REQUEST, LoginMessage::Expired)
        }
        LoginError::UnsuitableToken(_) => {
            request.state.metrics.record_user_login(UserLoginOutcome::Other);
            log_operator_error(request, error);
            (StatusCode::FORBIDDEN, LoginMessage::NotUsable)
        }
        LoginError::Misconfigured(_) => {
            request.state.metrics.record_user_login(UserLoginOutcome::Other);
            log_operator_error(request, error);
            (StatusCode::BAD_GATEWAY, LoginMessage::NotUsable)
        }
        LoginError::Unavailable(unavailable) => {
            request.state.metrics.record_user_login(UserLoginOutcome::Unavailable);
            record_unavailable(unavailable);
            (StatusCode::SERVICE_UNAVAILABLE, LoginMessage::VaultUnavailable)
        }
    }
}

/// Returns the form for a client that has to wait until it may log in, and logs that.
pub(super) fn too_many(
    request: &LoginRequest,
    mount: &str,
    destination: &LoginDestination,
    TooManyLogins { retry_after }: TooManyLogins,
) -> PageResponse {
    log_limit(request, mount);
    let message = Some(LoginMessage::TooManyAttempts(retry_after));
    form::form(request, StatusCode::TOO_MANY_REQUESTS, destination, message)
        .with_retry_after(retry_after)
}

/// Returns the response if Vault issues no wrapping token.
pub(super) fn wrapping_failed(
    request: &LoginRequest,
    destination: &LoginDestination,
    error: &LoginError,
) -> PageResponse {
    match error {
        LoginError::Unavailable(unavailable) => {
            record_unavailable(unavailable);
            let again = destination.page().map(ReturnUrl::as_str);
            request.notice(StatusCode::SERVICE_UNAVAILABLE, Notice::VaultUnavailable { again })
        }
        // Vault has ended the token since it was looked up.
        LoginError::Rejected | LoginError::Expired => {
            form::form(request, StatusCode::OK, destination, Some(LoginMessage::Expired))
        }
        LoginError::UnsuitableToken(_) | LoginError::Misconfigured(_) => {
            log_operator_error(request, error);
            form::form(request, StatusCode::FORBIDDEN, destination, Some(LoginMessage::NotUsable))
        }
    }
}

//! The responses to logins that fail.

use http::StatusCode;

use super::{PageResponse, destination::LoginDestination, form, request::LoginRequest};
use crate::login::{
    LoginError, ReturnUrl, TooManyLogins,
    pages::{LoginMessage, Notice},
};

/// Logs the failure of a login, and returns the status and the message for it.
pub(super) fn error_message(
    request: &LoginRequest,
    mount: &str,
    error: &LoginError,
) -> (StatusCode, LoginMessage) {
    let request_id = request.id.as_str();
    match error {
        LoginError::Rejected => {
            log_refusal(request, mount, "credentials_rejected");
            (StatusCode::FORBIDDEN, LoginMessage::WrongCredentials)
        }
        LoginError::Expired => (StatusCode::BAD_REQUEST, LoginMessage::Expired),
        LoginError::UnsuitableToken(reason) => {
            tracing::error!(request_id, mount, %reason, "login refused");
            (StatusCode::FORBIDDEN, LoginMessage::NotUsable)
        }
        LoginError::Misconfigured(detail) => {
            tracing::error!(request_id, mount, detail, "login refused");
            (StatusCode::BAD_GATEWAY, LoginMessage::NotUsable)
        }
        LoginError::Unavailable(unavailable) => {
            let detail = &*unavailable.detail;
            tracing::warn!(request_id, mount, detail, "login refused");
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
    log_refusal(request, mount, "too_many_failures");
    let message = Some(LoginMessage::TooManyAttempts(retry_after));
    form::form(request, StatusCode::TOO_MANY_REQUESTS, destination, message)
        .with_retry_after(retry_after)
}

/// Logs that a login was refused.
pub(super) fn log_refusal(request: &LoginRequest, mount: &str, code: &str) {
    tracing::info!(request_id = request.id.as_str(), mount, code, "login refused");
}

/// Returns the response if Vault issues no wrapping token.
pub(super) fn wrapping_failed(
    request: &LoginRequest,
    destination: &LoginDestination,
    error: &LoginError,
) -> PageResponse {
    let request_id = request.id.as_str();
    match error {
        LoginError::Unavailable(unavailable) => {
            tracing::warn!(
                request_id,
                detail = &*unavailable.detail,
                "no wrapping token was issued"
            );
            let again = destination.page().map(ReturnUrl::as_str);
            request.notice(StatusCode::SERVICE_UNAVAILABLE, Notice::VaultUnavailable { again })
        }
        // Vault has ended the token since it was looked up.
        LoginError::Rejected | LoginError::Expired => {
            form::form(request, StatusCode::OK, destination, Some(LoginMessage::Expired))
        }
        LoginError::UnsuitableToken(_) | LoginError::Misconfigured(_) => {
            tracing::error!(request_id, ?error, "no wrapping token was issued");
            form::form(request, StatusCode::FORBIDDEN, destination, Some(LoginMessage::NotUsable))
        }
    }
}

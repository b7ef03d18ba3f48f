//! The login with a further factor, after the password.

use std::sync::Arc;

use http::StatusCode;
use opentelemetry::trace::FutureExt as _;
use secrecy::{ExposeSecret, SecretString};

use super::{
    LoginState, PageResponse, complete, destination::LoginDestination, failure,
    fields::LoginFields, form, log, request::LoginRequest,
};
use crate::{
    login::{
        LoginAttempt, LoginError, MfaRequirement, PendingMfa,
        pages::{LoginMessage, MfaForm},
    },
    token::CallerToken,
};

/// Shows the form for the codes.
pub(super) fn show(
    request: &LoginRequest,
    status: StatusCode,
    pending: &PendingMfa,
    message: Option<LoginMessage>,
) -> PageResponse {
    let keys = &request.state.keys;
    let destination = match LoginDestination::restore(request, &pending.destination) {
        Ok(destination) => destination,
        Err(response) => return response,
    };
    let Ok(sealed) = pending.seal(keys, &request.authority) else {
        return form::form(request, StatusCode::INTERNAL_SERVER_ERROR, &destination, None);
    };
    let form = MfaForm {
        status,
        pending: &sealed,
        codes: pending.requirement.methods.len(),
        target: destination.target(),
        message,
    };
    PageResponse::page(form.render(request.language), destination.form_actions())
}

/// Completes the login with the submitted codes.
pub(super) async fn submit(request: &LoginRequest, fields: LoginFields) -> PageResponse {
    let keys = &request.state.keys;
    let sealed = fields.pending.unwrap_or_default();
    let Some(pending) = PendingMfa::unseal(keys, &request.authority, &sealed) else {
        let expired = Some(LoginMessage::Expired);
        return form::form(request, StatusCode::BAD_REQUEST, &LoginDestination::default(), expired);
    };
    let destination = match LoginDestination::restore(request, &pending.destination) {
        Ok(destination) => destination,
        Err(response) => return response,
    };
    if fields.codes.len() != pending.requirement.methods.len() {
        return show(request, StatusCode::BAD_REQUEST, &pending, Some(LoginMessage::WrongCode));
    }
    let address = request.forwarded().rate_limited_address();
    let (mount, name) = &pending.user;
    let attempt = match request.state.limiter.begin(address, mount, name).await {
        Ok(attempt) => attempt,
        Err(limit) => return failure::too_many(request, mount, &destination, limit),
    };
    let codes = trimmed(&fields.codes);
    let state = Arc::clone(&request.state);
    match validate(state, pending.requirement.clone(), codes, attempt).await {
        Ok(token) => {
            log::log_success(request, mount);
            complete::start_session(request, token, &destination).await
        }
        Err(LoginError::Rejected) => {
            log::log_refusal(request, mount, "passcode_rejected");
            show(request, StatusCode::FORBIDDEN, &pending, Some(LoginMessage::WrongCode))
        }
        Err(error) => {
            let (status, message) = failure::error_message(request, mount, &error);
            match error {
                LoginError::Unavailable(_) => show(request, status, &pending, Some(message)),
                _ => form::form(request, status, &destination, Some(message)),
            }
        }
    }
}

/// Validates the codes and counts the result, in a task of its own like a login with a password.
async fn validate(
    state: Arc<LoginState>,
    requirement: MfaRequirement,
    codes: Vec<SecretString>,
    attempt: LoginAttempt,
) -> Result<CallerToken, LoginError> {
    let validation = async move {
        let result = state.backend.validate_mfa(&requirement, &codes).await;
        match &result {
            Ok(_) => attempt.succeed(),
            Err(LoginError::Rejected) => attempt.fail(),
            Err(_) => {}
        }
        result
    };
    let validation = tokio::spawn(validation.with_current_context());
    validation.await.unwrap_or_else(|_| Err(LoginError::task_failed()))
}

/// Returns the codes without white space, with which some apps show them.
fn trimmed(codes: &[SecretString]) -> Vec<SecretString> {
    let digits = |code: &SecretString| {
        let code: String =
            code.expose_secret().chars().filter(|character| !character.is_whitespace()).collect();
        code.into()
    };
    codes.iter().map(digits).collect()
}

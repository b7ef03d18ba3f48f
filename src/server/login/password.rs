//! The login with a user name and a password.

use std::{sync::Arc, time::Duration};

use http::StatusCode;
use opentelemetry::trace::FutureExt as _;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::{Instant, sleep_until};

use super::{
    LoginState, PageResponse, complete, destination::LoginDestination, failure,
    fields::LoginFields, form, log, request::LoginRequest, second_factor,
};
use crate::{
    login::{
        BrowserLoginKind, BrowserLoginMethod, LoginAttempt, LoginError, LoginStep, PendingMfa,
        TooManyLogins, pages::LoginMessage,
    },
    telemetry::UserLoginOutcome,
};

/// The minimum time to the response to a failed login. Vault takes 2 ms if a user is locked, and 80 ms
/// and more to compare a password: the time must not tell which it was.
const MIN_FAILURE_TIME: Duration = Duration::from_millis(500);

/// The maximum length of a user name and of a password, in bytes.
const MAX_LENGTH: usize = 1024;

/// Logs in with the submitted name and password.
pub(super) async fn submit(
    request: &LoginRequest,
    fields: LoginFields,
    destination: LoginDestination,
) -> PageResponse {
    let started = Instant::now();
    let index = fields.method.as_deref().unwrap_or("0");
    let Some((index, method)) = form::method(request, index, BrowserLoginKind::has_password) else {
        return form::form(request, StatusCode::BAD_REQUEST, &destination, None);
    };
    let name = fields.name.as_deref().unwrap_or_default().trim();
    let password = fields.password.unwrap_or_default();
    let show = |status, message| {
        form::form_with(request, status, &destination, Some(message), (Some(index), name))
    };
    let is_possible = (1..=MAX_LENGTH).contains(&name.len())
        && (1..=MAX_LENGTH).contains(&password.expose_secret().len());
    if !is_possible {
        request.state.metrics.record_user_login(UserLoginOutcome::WrongCredentials);
        sleep_until(started + MIN_FAILURE_TIME).await;
        return show(StatusCode::FORBIDDEN, LoginMessage::WrongCredentials);
    }
    let address = request.forwarded().rate_limited_address();
    let attempt = match request.state.limiter.begin(address, &method.mount, name).await {
        Ok(attempt) => attempt,
        Err(TooManyLogins { retry_after }) => {
            log::log_limit(request, &method.mount);
            let message = LoginMessage::TooManyAttempts(retry_after);
            let response = show(StatusCode::TOO_MANY_REQUESTS, message);
            return response.with_retry_after(retry_after);
        }
    };
    let state = Arc::clone(&request.state);
    match log_in(state, method.clone(), name.to_owned(), password, attempt).await {
        Ok(LoginStep::LoggedIn(token)) => {
            log::log_success(request, &method.mount);
            complete::start_session(request, token, &destination).await
        }
        Ok(LoginStep::MfaRequired(requirement)) => {
            let user = (method.mount.clone(), name.to_lowercase());
            let pending = PendingMfa { requirement, user, destination: destination.to_kept() };
            second_factor::show(request, StatusCode::OK, &pending, None)
        }
        Err(LoginError::Rejected) => {
            log::log_refusal(request, &method.mount, "credentials_rejected");
            sleep_until(started + MIN_FAILURE_TIME).await;
            show(StatusCode::FORBIDDEN, LoginMessage::WrongCredentials)
        }
        Err(error) => {
            let (status, message) = failure::error_message(request, &method.mount, &error);
            show(status, message)
        }
    }
}

/// Logs in and counts the result, in a task of its own: a login that has begun counts even if the client
/// disconnects.
async fn log_in(
    state: Arc<LoginState>,
    method: BrowserLoginMethod,
    name: String,
    password: SecretString,
    attempt: LoginAttempt,
) -> Result<LoginStep, LoginError> {
    let login = async move {
        let result = state.backend.log_in(&method, &name, &password).await;
        match &result {
            Ok(LoginStep::LoggedIn(_)) => attempt.succeed(),
            Err(LoginError::Rejected) => attempt.fail(),
            // A password before a further factor is neither, so that knowing it does not reset the count.
            Ok(LoginStep::MfaRequired(_)) | Err(_) => {}
        }
        result
    };
    let login = tokio::spawn(login.with_current_context());
    login.await.unwrap_or_else(|_| Err(LoginError::task_failed()))
}

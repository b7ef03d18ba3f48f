//! The log lines of the login pages.

use tracing::{error, info, warn};

use super::request::LoginRequest;
use crate::{
    login::LoginError,
    server::request_id::RequestId,
    telemetry::{LimitedLog, Limiter, UserLoginOutcome, line_size, printable, record_unavailable},
};

/// The maximum length of an error in a line, in bytes.
const MAX_ERROR: usize = 512;

/// Logs and counts a login that its limit refused.
pub(super) fn log_limit(request: &LoginRequest, mount: &str) {
    request.state.metrics.record_user_login(UserLoginOutcome::Limited);
    request.state.metrics.record_limited(Limiter::Login);
    log(request, mount, "too_many_failures");
}

/// Logs and counts a login that Vault refused.
pub(super) fn log_refusal(request: &LoginRequest, mount: &str, code: &str) {
    request.state.metrics.record_user_login(UserLoginOutcome::WrongCredentials);
    log(request, mount, code);
}

fn log(request: &LoginRequest, mount: &str, code: &str) {
    let (request_id, client) = (request.id.as_str(), request.client());
    LimitedLog::Logins.log(line_size([request_id, mount, code, &*client]), || {
        info!(request_id, code, mount, client = &*client, "login refused");
    });
}

/// Logs that a person has logged in.
pub(super) fn log_success(request: &LoginRequest, mount: &str) {
    let (request_id, client) = (request.id.as_str(), request.client());
    LimitedLog::Logins.log(line_size([request_id, mount, &*client]), || {
        info!(request_id, mount, client = &*client, "logged in");
    });
}

/// Logs an error that an operator has to fix.
pub(super) fn log_operator_error(request: &LoginRequest, error: &LoginError) {
    let (request_id, error) = (request.id.as_str(), error.to_string());
    let error = printable(&error, MAX_ERROR);
    LimitedLog::Errors.log(line_size([request_id, &error]), || {
        error!(request_id, error = &*error, "login refused");
    });
}

/// Logs the failure of a step that does not end the login or log-out. If Vault is unavailable, the outage
/// is logged as well.
pub(in crate::server) fn log_failed_step(id: &RequestId, error: &LoginError, message: &str) {
    if let LoginError::Unavailable(unavailable) = error {
        record_unavailable(unavailable);
    }
    let (request_id, error) = (id.as_str(), error.to_string());
    let error = printable(&error, MAX_ERROR);
    LimitedLog::Logins.log(line_size([request_id, &error, message]), || {
        warn!(request_id, error = &*error, "{message}");
    });
}

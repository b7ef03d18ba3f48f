//! The end of a login: the session of the login host, and the ticket for the application's host.

use http::StatusCode;
use secrecy::SecretString;

use super::{
    PageResponse, consent,
    destination::LoginDestination,
    failure, form,
    log::{log_failed_step, log_operator_error},
    request::{LoginRequest, Session},
};
use crate::{
    auth::Refusal,
    login::{
        LoginError, SESSION_PATH, TICKET_LIFETIME, Ticket,
        pages::{ACCOUNT_PATH, LoginMessage, Notice},
        session_cookie,
    },
    telemetry::UserLoginOutcome,
    token::{CallerToken, Unavailable, UnavailableReason},
};

/// Starts a session with a new token, or asks for consent if the login is for an OAuth client. A previous
/// session of this browser ends.
pub(super) async fn start_session(
    request: &LoginRequest,
    token: CallerToken,
    destination: &LoginDestination,
) -> PageResponse {
    request.state.metrics.record_user_login(UserLoginOutcome::Ok);
    // Vault also issues tokens that it does not accept, such as of an entity that was disabled after
    // the password was checked.
    let entry = match request.look_up(&token).await {
        Ok(entry) => entry,
        Err(Refusal::TokenInvalid) => {
            let message = Some(LoginMessage::WrongCredentials);
            return form::form(request, StatusCode::FORBIDDEN, destination, message);
        }
        Err(refusal) => {
            if let Err(error) = request.state.backend.revoke(&token).await {
                log_failed_step(&request.id, &error, "a token was not revoked");
            }
            return request.refusal(&refusal);
        }
    };
    if let LoginDestination::Authorization(login) = destination {
        return consent::ask(request, &Session { token, entry }, login).await;
    }
    let cookie = session_cookie(&request.state.keys, &request.authority, &token);
    let Ok(cookie) = cookie else {
        let error = LoginError::Misconfigured("the token is too long for a cookie".to_owned());
        log_operator_error(request, &error);
        return form::form(
            request,
            StatusCode::FORBIDDEN,
            destination,
            Some(LoginMessage::NotUsable),
        );
    };
    if let Ok(previous) = request.session().await
        && let Err(error) = request.end_session(&previous.token, Some(&previous.entry)).await
    {
        log_failed_step(&request.id, &error, "the previous session goes on");
    }
    pass_on(request, &Session { token, entry }, destination).await.with_cookie(&cookie)
}

/// Passes the session of the login host on to the application that the person wants to open.
pub(super) async fn pass_on(
    request: &LoginRequest,
    session: &Session,
    destination: &LoginDestination,
) -> PageResponse {
    let LoginDestination::Page(page, browser) = destination else {
        return PageResponse::redirect(ACCOUNT_PATH);
    };
    let keys = &request.state.keys;
    let mut pending = request.pending_logins();
    if !pending.count_ticket(page.as_str()) {
        let account = format!("{}{ACCOUNT_PATH}", request.origin);
        let again = Some(page.as_str());
        let notice =
            Notice::SessionNotKept { host: page.authority(), again, account: Some(&account) };
        return request.notice(StatusCode::FORBIDDEN, notice);
    }
    let response = match browser {
        // The application's host does not know the browser yet: it sends the browser back with an id.
        None => PageResponse::redirect(page.as_str()),
        Some(browser) => match issue(request, session).await {
            Ok(wrapping_token) => {
                let ticket =
                    Ticket { wrapping_token, browser: browser.clone(), page: page.clone() };
                match ticket.seal(keys) {
                    Ok(ticket) => PageResponse::redirect(&format!(
                        "{}{SESSION_PATH}?ticket={ticket}",
                        page.origin()
                    )),
                    Err(_) => {
                        return failure::wrapping_failed(
                            request,
                            destination,
                            &LoginError::Expired,
                        );
                    }
                }
            }
            Err(error) => return failure::wrapping_failed(request, destination, &error),
        },
    };
    match pending.set_cookie(keys, &request.authority) {
        Ok(cookie) => response.with_cookie(&cookie),
        Err(_) => response,
    }
}

/// Returns a response-wrapping token with the token of a session.
async fn issue(request: &LoginRequest, session: &Session) -> Result<SecretString, LoginError> {
    let state = &request.state;
    state.limiter.count_ticket(&session.entry.accessor).await.map_err(|_| {
        let reason = UnavailableReason::Overloaded;
        LoginError::Unavailable(Unavailable::new(reason, "too many tickets for one session"))
    })?;
    state.backend.wrap(&session.token, TICKET_LIFETIME.unsigned_abs()).await
}

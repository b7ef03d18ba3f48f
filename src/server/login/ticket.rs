//! The exchange of a ticket for a session, on the host of an application.

use http::StatusCode;

use super::{
    PageResponse,
    log::log_failed_step,
    request::{HostRole, LoginRequest},
};
use crate::{
    auth::Refusal,
    login::{LoginError, Ticket, pages::Notice, session_cookie},
    telemetry::{Limiter, record_unavailable},
};

/// Exchanges the ticket. Whenever that fails, the person is sent to the page that was asked for, where
/// the login begins again unless there is a session.
pub(super) async fn redeem(request: LoginRequest) -> PageResponse {
    let request = &request;
    let start = format!("{}/", request.origin);
    let invalid = |status| request.notice(status, Notice::TicketInvalid { log_in: Some(&start) });
    if let HostRole::Login = request.host {
        return invalid(StatusCode::MISDIRECTED_REQUEST);
    }
    if !request.is_opened_by_person() {
        return invalid(StatusCode::FORBIDDEN);
    }
    let keys = &request.state.keys;
    let sealed = request.parameter("ticket").unwrap_or_default();
    let Ok(ticket) = Ticket::unseal(keys, &request.authority, &request.state.site.hosts, &sealed)
    else {
        return invalid(StatusCode::BAD_REQUEST);
    };
    let page = PageResponse::redirect(ticket.page.as_str());
    if request.browser().as_ref() != Some(&ticket.browser) {
        return page;
    }
    let address = request.forwarded().rate_limit_address();
    if let Err(limit) = request.state.limiter.count_exchange(address).await {
        request.state.metrics.record_limited(Limiter::Login);
        return invalid(StatusCode::TOO_MANY_REQUESTS).with_retry_after(limit.retry_after);
    }
    let unavailable = || {
        let notice = Notice::VaultUnavailable { again: Some(ticket.page.as_str()) };
        request.notice(StatusCode::SERVICE_UNAVAILABLE, notice)
    };
    let token = match request.state.backend.unwrap(&ticket.wrapping_token).await {
        Ok(token) => token,
        Err(LoginError::Unavailable(error)) => {
            record_unavailable(&error);
            return unavailable();
        }
        Err(_) => return page,
    };
    match request.look_up(&token).await {
        Ok(_) => {}
        Err(Refusal::TokenInvalid) => return page,
        Err(Refusal::Unavailable(error)) => {
            record_unavailable(&error);
            return unavailable();
        }
        Err(refusal) => return request.refusal(&refusal),
    }
    if let Ok(previous) = request.session().await
        && previous.token.expose() != token.expose()
        && let Err(error) = request.end_session(&previous.token, Some(&previous.entry)).await
    {
        log_failed_step(&request.id, &error, "the previous session goes on");
    }
    match session_cookie(keys, &request.authority, &token) {
        Ok(cookie) => page.with_cookie(&cookie),
        Err(_) => invalid(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

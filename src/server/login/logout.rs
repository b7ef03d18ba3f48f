//! The end of a session.

use http::StatusCode;

use super::{PageResponse, account::LOGGED_OUT, log::log_failed_step, request::LoginRequest};
use crate::{
    login::{
        pages::{ACCOUNT_PATH, Notice},
        removed_cookie,
    },
    token::{Credential, SESSION_COOKIE},
};

/// Revokes the token of the session, which ends it on every host, and removes the cookie. If Vault is
/// unavailable, neither happens.
pub(super) async fn log_out(request: LoginRequest) -> PageResponse {
    let request = &request;
    if !request.is_same_origin() {
        let again = Some(ACCOUNT_PATH);
        return request.notice(StatusCode::FORBIDDEN, Notice::CrossSite { again });
    }
    let failed = || request.notice(StatusCode::SERVICE_UNAVAILABLE, Notice::LogoutFailed);
    if let Some(token) = request.credential().ok().as_ref().and_then(Credential::token) {
        // For the accessor, by which the entries of other hosts are found. A token that is not accepted,
        // such as from this address, is revoked as well.
        let entry = request.session().await.ok().map(|session| session.entry);
        if let Err(error) = request.end_session(&token, entry.as_deref()).await {
            log_failed_step(&request.id, &error, "the session was not ended");
            return failed();
        }
    }
    let page = format!("{ACCOUNT_PATH}?{LOGGED_OUT}");
    PageResponse::redirect(&page).with_cookie(&removed_cookie(SESSION_COOKIE)).with_pages_cleared()
}

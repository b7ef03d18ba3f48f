//! The end of a session.

use http::StatusCode;

use super::{PageResponse, account::LOGGED_OUT, request::LoginRequest};
use crate::{
    auth::Refusal,
    login::{
        LoginError,
        pages::{ACCOUNT_PATH, Notice},
        removed_cookie,
    },
    token::SESSION_COOKIE,
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
    match request.session().await {
        Ok(session) => match request.end_session(&session).await {
            Ok(()) => {}
            Err(LoginError::Unavailable(error)) => {
                let request_id = request.id.as_str();
                tracing::warn!(request_id, detail = &*error.detail, "the session was not ended");
                return failed();
            }
            Err(error) => {
                tracing::warn!(
                    request_id = request.id.as_str(),
                    ?error,
                    "the session was not ended"
                );
                return failed();
            }
        },
        Err(Refusal::Unavailable(_)) => return failed(),
        // There is no session that could be ended.
        Err(_) => {}
    }
    let page = format!("{ACCOUNT_PATH}?{LOGGED_OUT}");
    PageResponse::redirect(&page).with_cookie(&removed_cookie(SESSION_COOKIE)).with_pages_cleared()
}

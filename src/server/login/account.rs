//! The page that shows who is logged in.

use http::StatusCode;

use super::{
    PageResponse,
    request::{HostRole, LoginRequest},
};
use crate::login::pages::{ACCOUNT_PATH, AccountPage, LOGIN_PATH, Notice};

/// The query of the page after a log-out.
pub(super) const LOGGED_OUT: &str = "logged-out";

/// Shows who is logged in at this host.
pub(super) async fn show(request: LoginRequest) -> PageResponse {
    let request = &request;
    let session = match request.session().await {
        Ok(session) => session,
        Err(refusal) if refusal.asks_for_login() => {
            let log_in = log_in_url(request);
            let log_in = Some(log_in.as_str());
            let notice = if request.parts.uri.query() == Some(LOGGED_OUT) {
                Notice::LoggedOut { log_in }
            } else {
                Notice::NotLoggedIn { log_in }
            };
            return request.notice(StatusCode::OK, notice);
        }
        Err(refusal) => return request.refusal(&refusal),
    };
    let identity = &session.entry.identity;
    let policies: Vec<_> = identity.policies().collect();
    let policies: Vec<&str> = policies.iter().map(AsRef::as_ref).collect();
    let (tenant, expires) = (identity.tenant(), identity.expires());
    let application = match request.host {
        HostRole::Login => None,
        HostRole::Application => Some("/"),
    };
    let page = AccountPage {
        host: &request.authority,
        subject: &identity.subject().unwrap_or_default(),
        tenant: tenant.as_deref(),
        policies: &policies,
        expires: expires.as_deref(),
        application,
    };
    PageResponse::page(page.render(request.language), &[])
}

/// Returns the address that logs in at this host.
fn log_in_url(request: &LoginRequest) -> String {
    match request.host {
        HostRole::Login => LOGIN_PATH.to_owned(),
        HostRole::Application => format!(
            "{LOGIN_PATH}?to={}",
            percent_encoding::utf8_percent_encode(
                &format!("{}{ACCOUNT_PATH}", request.origin),
                percent_encoding::NON_ALPHANUMERIC
            )
        ),
    }
}

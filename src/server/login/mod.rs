//! The login of people: the pages below `/.vault-auth/` on the login hosts and on the hosts of
//! applications.

mod account;
mod complete;
mod fields;
mod form;
mod login_endpoint;
mod logout;
mod oidc;
mod page_response;
mod password;
mod request;
mod second_factor;
mod ticket;

use std::sync::Arc;

use axum::{
    Router,
    routing::{get, post},
};

use self::page_response::PageResponse;
use crate::{
    auth::Authorizer,
    forwarded::TrustedProxies,
    login::{LoginBackend, LoginLimiter, LoginSite, OIDC_CALLBACK_PATH, SESSION_PATH, pages},
    sealed::SealingKeys,
    token::CredentialReader,
};

/// The state of the handlers.
pub(super) struct LoginState {
    pub(super) site: Arc<LoginSite>,
    pub(super) keys: Arc<SealingKeys>,
    pub(super) backend: Arc<dyn LoginBackend>,
    pub(super) validator: Arc<Authorizer>,
    /// Reads session cookies, and no other credential.
    pub(super) sessions: CredentialReader,
    pub(super) trust: TrustedProxies,
    pub(super) limiter: LoginLimiter,
}

/// Returns all routes.
pub(super) fn router<S: Clone + Send + Sync + 'static>(state: LoginState) -> Router<S> {
    Router::new()
        .route(pages::ACCOUNT_PATH, get(account::show))
        .route(pages::LOGIN_PATH, get(login_endpoint::show).post(login_endpoint::submit))
        .route(OIDC_CALLBACK_PATH, get(oidc::finish))
        .route(SESSION_PATH, get(ticket::redeem))
        .route(pages::LOGOUT_PATH, post(logout::log_out))
        .with_state(Arc::new(state))
}

//! The login of people: the pages below `/.vault-auth/` on the login hosts and on the hosts of
//! applications.

mod account;
mod complete;
mod consent;
mod destination;
mod failure;
mod fields;
mod form;
mod log;
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

pub(super) use self::{
    destination::{AuthorizationLogin, LoginDestination},
    fields::read_form,
    form::form,
    log::log_failed_step,
    page_response::PageResponse,
    request::{HostRole, LoginRequest},
};
use crate::{
    auth::Authorizer,
    forwarded::TrustedProxies,
    login::{
        LoginBackend, LoginError, LoginLimiter, LoginSite, OIDC_CALLBACK_PATH, SESSION_PATH, pages,
    },
    oauth::Resources,
    sealed::KeyRing,
    telemetry::Metrics,
    token::{CallerToken, Change, CredentialReader, Invalidation},
};

/// The state of the handlers.
pub(super) struct LoginState {
    pub(super) site: Arc<LoginSite>,
    pub(super) keys: Arc<KeyRing>,
    pub(super) backend: Arc<dyn LoginBackend>,
    pub(super) validator: Arc<Authorizer>,
    /// Reads session cookies, and no other credential.
    pub(super) sessions: CredentialReader,
    pub(super) trust: TrustedProxies,
    pub(super) limiter: Arc<LoginLimiter>,
    pub(super) metrics: Arc<Metrics>,
    /// The resources that OAuth clients may ask access to; `None` without OAuth.
    pub(super) resources: Option<Arc<Resources>>,
}

impl LoginState {
    /// Revokes a person's token at Vault, and evicts the entries with this accessor from the cache; none if
    /// it is empty.
    pub(super) async fn end_token(
        &self,
        token: &CallerToken,
        accessor: &str,
    ) -> Result<(), LoginError> {
        self.backend.revoke(token).await?;
        if !accessor.is_empty() {
            let ended = Change::Accessor(accessor.to_owned());
            self.validator.cache.invalidate(&Invalidation::from_iter([ended]));
        }
        Ok(())
    }
}

/// Returns all routes.
pub(super) fn router<S: Clone + Send + Sync + 'static>(state: Arc<LoginState>) -> Router<S> {
    Router::new()
        .route(pages::ACCOUNT_PATH, get(account::show))
        .route(pages::LOGIN_PATH, get(login_endpoint::show).post(login_endpoint::submit))
        .route(OIDC_CALLBACK_PATH, get(oidc::finish))
        .route(SESSION_PATH, get(ticket::redeem))
        .route(pages::LOGOUT_PATH, post(logout::log_out))
        .with_state(state)
}

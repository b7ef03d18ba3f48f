use std::{sync::Arc, time::Duration};

use tokio::sync::{Mutex, MutexGuard, Notify, watch};

use super::{
    login::ServiceLogin,
    login_backoff::{LoginBackoff, LoginHold},
    service_token::ServiceToken,
};
use crate::{
    token::{Unavailable, UnavailableReason},
    vault::{
        api::token::revoke_self,
        client::{Client, FailureKind, VaultError},
    },
};

/// The session of the service or of a command with Vault, and its own token.
///
/// In the service one task logs in, renews the token, and logs in again when
/// Vault rejects it. Requests only read the state and report a rejected token; so a request that
/// ends early does not cancel a login. A command has no such task, and logs in when it
/// needs a token.
pub struct VaultSession {
    pub(super) client: Arc<Client>,
    pub(super) login: Arc<ServiceLogin>,
    pub(super) state: watch::Sender<SessionState>,
    pub(super) permission_denied: Notify,
    /// Locked during a login.
    pub(super) logins: Mutex<Logins>,
}

#[derive(Clone)]
pub(super) enum SessionState {
    /// A login is in progress.
    LoggingIn,
    /// There is a token.
    LoggedIn(Arc<ServiceToken>),
    /// There is no token, for this reason.
    LoggedOut(Unavailable),
}

/// The history of a session's logins.
#[derive(Default)]
pub(super) struct Logins {
    /// True once the session has ended; there are no logins after that.
    pub(super) ended: bool,
    /// The failed logins of a command, and the hold after the last one with its error.
    pub(super) backoff: LoginBackoff,
    pub(super) hold: Option<(LoginHold, VaultError)>,
}

impl SessionState {
    /// Returns true if this is the current token.
    pub(super) fn has_token(&self, token: &Arc<ServiceToken>) -> bool {
        matches!(self, Self::LoggedIn(current) if Arc::ptr_eq(current, token))
    }
}

impl VaultSession {
    /// Creates a session that is not logged in yet.
    #[must_use]
    pub fn new(client: Arc<Client>, login: impl Into<Arc<ServiceLogin>>) -> Self {
        Self {
            client,
            login: login.into(),
            state: watch::Sender::new(SessionState::LoggingIn),
            permission_denied: Notify::new(),
            logins: Mutex::default(),
        }
    }

    /// Returns the client that requests are made with.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Returns true if its tokens are issued by logins, and revoked by [`VaultSession::close`].
    #[must_use]
    pub fn issues_tokens(&self) -> bool {
        self.login.issues_tokens()
    }

    /// Returns true if there is a token.
    #[must_use]
    pub fn is_logged_in(&self) -> bool {
        matches!(*self.state.borrow(), SessionState::LoggedIn(_))
    }

    /// Returns the remaining lifetime of the token; `None` if there is none, or it does not expire.
    #[must_use]
    pub fn token_remaining(&self) -> Option<Duration> {
        match &*self.state.borrow() {
            SessionState::LoggedIn(own) => own.remaining(),
            SessionState::LoggingIn | SessionState::LoggedOut(_) => None,
        }
    }

    /// Returns the reason why there is no token; `None` if there is one, or a login is in progress.
    /// The text contains no secret.
    #[must_use]
    pub fn last_error(&self) -> Option<Arc<str>> {
        match &*self.state.borrow() {
            SessionState::LoggedOut(unavailable) => Some(Arc::clone(&unavailable.detail)),
            SessionState::LoggingIn | SessionState::LoggedIn(_) => None,
        }
    }

    /// Returns the current token; during a login, waits for its result.
    pub(crate) async fn token(&self) -> Result<Arc<ServiceToken>, Unavailable> {
        let mut state = self.state.subscribe();
        let settled = state.wait_for(|state| !matches!(state, SessionState::LoggingIn)).await;
        match settled.as_deref() {
            Ok(SessionState::LoggedIn(own)) => Ok(Arc::clone(own)),
            Ok(SessionState::LoggedOut(unavailable)) => Err(unavailable.clone()),
            Ok(SessionState::LoggingIn) | Err(_) => {
                Err(Unavailable::new(UnavailableReason::NotReady, "not logged in to vault"))
            }
        }
    }

    /// Requests a login that replaces this rejected token, and returns the new token. Concurrent
    /// callers share one login.
    pub(crate) async fn reauthenticate(
        &self,
        rejected: &Arc<ServiceToken>,
    ) -> Result<Arc<ServiceToken>, Unavailable> {
        self.replace_state(rejected, SessionState::LoggingIn);
        self.token().await
    }

    /// Reports that Vault denied the token a permission that it should have. The token stays in use,
    /// since the cause may be one caller's unusual token; but a new login follows, because the
    /// policies of the service's role may have changed. It obtains the new policies, or finds out
    /// what is missing.
    pub(crate) fn report_permission_denied(&self) {
        self.permission_denied.notify_one();
    }

    /// Discards this token, which Vault rejected. The next use of the session obtains another.
    pub(crate) fn invalidate(&self, rejected: &Arc<ServiceToken>) {
        let unavailable = Unavailable::new(UnavailableReason::NotReady, "vault rejected the token");
        self.replace_state(rejected, SessionState::LoggedOut(unavailable));
    }

    /// Returns the current token, if there is one.
    pub(super) fn current_token(&self) -> Option<Arc<ServiceToken>> {
        match &*self.state.borrow() {
            SessionState::LoggedIn(own) => Some(Arc::clone(own)),
            SessionState::LoggingIn | SessionState::LoggedOut(_) => None,
        }
    }

    /// Changes the state, if this is the current token.
    pub(super) fn replace_state(&self, token: &Arc<ServiceToken>, next: SessionState) {
        self.state.send_if_modified(|state| {
            let is_current = state.has_token(token);
            if is_current {
                *state = next;
            }
            is_current
        });
    }

    /// Waits for the lock that a login needs; `None` once the session has ended.
    pub(super) async fn lock_logins(&self) -> Option<MutexGuard<'_, Logins>> {
        let logins = self.logins.lock().await;
        (!logins.ended).then_some(logins)
    }

    /// Revokes this token if a login issued it. A batch token, which has no accessor, cannot be
    /// revoked.
    ///
    /// # Errors
    /// The reason why the token was not revoked.
    pub(super) async fn revoke(&self, own: &ServiceToken) -> Result<(), String> {
        if !self.login.issues_tokens() || !own.has_accessor() {
            return Ok(());
        }
        revoke_self(&self.client, &own.token).await.or_else(|error| match error.kind {
            // It is revoked already, or its uses are exhausted.
            FailureKind::TokenRejected => Ok(()),
            FailureKind::PermissionDenied => Err("its policies do not grant update on \
                 auth/token/revoke-self, which Vault's policy `default` and \
                 policies/validator.hcl do"
                .to_owned()),
            _ => Err(error.to_string()),
        })
    }
}

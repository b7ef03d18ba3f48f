//! The session of a command, which logs in when it needs a token and has no task for that.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::time::timeout_at;

use super::{
    file_version::file_version,
    login::renew,
    state::{Logins, SessionState, VaultSession},
};
use crate::{
    token::{Unavailable, UnavailableReason},
    vault::{
        api::sys::seal::seal_status,
        client::{FailureKind, VaultError},
    },
};

/// The reason why there is no token after the end of a session.
const ENDED: &str = "the session has ended";

/// The maximum time for the end of a session: the command has its result already, and one that
/// received a signal has to end within a second.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(750);

/// A login failed.
#[derive(Debug)]
pub struct SessionLoginError(VaultError);

impl fmt::Display for SessionLoginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.kind {
            FailureKind::TokenRejected => f.write_str(
                "Vault rejected the token (unknown, expired or revoked). Run `vault login`; note \
                 that VAULT_TOKEN takes precedence over its token",
            ),
            FailureKind::PermissionDenied => f.write_str(
                "the token may not look itself up: it needs Vault's policy `default`, or the one \
                 in policies/validator.hcl",
            ),
            FailureKind::LoginCredentialsRejected
            | FailureKind::LoginDenied
            | FailureKind::SecretIdUnusable
            | FailureKind::Sealed
            | FailureKind::Redirect => f.write_str(self.0.detail()),
            FailureKind::NamespaceNotFound => write!(f, "{}", self.0),
            FailureKind::Tls => write!(f, "Vault cannot be reached: {}", self.0.detail()),
            FailureKind::Connect | FailureKind::Timeout => {
                write!(f, "Vault cannot be reached: {}; check VAULT_ADDR", self.0.detail())
            }
            _ => write!(f, "cannot log in to Vault: {}", self.0),
        }
    }
}

impl std::error::Error for SessionLoginError {}

impl VaultSession {
    /// Logs in, for a program without the service's renewal task. If a login failed a short while
    /// ago, returns the same error without another login.
    ///
    /// The login is a task of its own. If its caller is cancelled, the token is not lost:
    /// [`VaultSession::close`] revokes it.
    ///
    /// # Errors
    /// [`SessionLoginError`] if the login fails.
    pub async fn log_in(self: &Arc<Self>) -> Result<(), SessionLoginError> {
        let session = Arc::clone(self);
        let login = tokio::spawn(async move { session.log_in_command().await }).await;
        login
            .unwrap_or_else(|error| {
                Err(VaultError::new(
                    FailureKind::LocalError,
                    format!("the login task failed: {error}"),
                ))
            })
            .map_err(SessionLoginError)
    }

    async fn log_in_command(&self) -> Result<(), VaultError> {
        let Some(mut logins) = self.lock_logins().await else {
            return Err(VaultError::new(FailureKind::LocalError, ENDED));
        };
        let file = file_version(self.login.file()).await;
        if let Some((hold, error)) = &logins.hold
            && !hold.has_ended(file)
        {
            return Err(error.clone());
        }
        match self.login.log_in(&self.client).await {
            Ok(own) => {
                *logins = Logins::default();
                let previous = self.state.send_replace(SessionState::LoggedIn(Arc::new(own)));
                drop(logins);
                if let SessionState::LoggedIn(previous) = previous {
                    // The token is not used any more, and expires if it cannot be revoked.
                    let _ = self.revoke(&previous).await;
                }
                Ok(())
            }
            Err(error) => {
                let error = self.explain_sealed(error).await;
                let hold = logins.backoff.record_failure(error.kind.into(), file);
                logins.hold = Some((hold, error.clone()));
                self.state.send_if_modified(|state| {
                    let is_waiting = matches!(state, SessionState::LoggingIn);
                    if is_waiting {
                        *state = SessionState::LoggedOut(error.clone().into());
                    }
                    is_waiting
                });
                Err(error)
            }
        }
    }

    /// Ends the session: revokes the token if a login issued it, and waits for a login in progress,
    /// all within a second. A token that was issued outside of this program is not revoked.
    ///
    /// # Errors
    /// The reason why the token was not revoked. It stays valid until it expires.
    pub async fn close(&self) -> Result<(), String> {
        let closed = SessionState::LoggedOut(Unavailable::new(UnavailableReason::NotReady, ENDED));
        if !self.issues_tokens() {
            self.state.send_replace(closed);
            return Ok(());
        }
        let deadline = Instant::now() + CLOSE_TIMEOUT;
        // A login in progress may still issue a token.
        let Ok(mut logins) = timeout_at(deadline.into(), self.logins.lock()).await else {
            return Err("the program ended during a login: if it succeeds, its token stays valid \
                        until it expires"
                .to_owned());
        };
        logins.ended = true;
        drop(logins);
        let revoked = match &self.current_token() {
            // The state is changed after that: this future may be cancelled, and called again.
            Some(own) => timeout_at(deadline.into(), self.revoke(own)).await,
            None => Ok(Ok(())),
        };
        self.state.send_replace(closed);
        revoked.unwrap_or_else(|_| Err("Vault does not respond".to_owned())).map_err(|why| {
            format!(
                "the token of this login could not be revoked, and stays valid until it expires: \
                 {why}"
            )
        })
    }

    /// Makes sure that there is a token for some time: renews the current one when it is due, or
    /// logs in again. For a program without the
    /// service's renewal task.
    ///
    /// # Errors
    /// [`SessionLoginError`] if the login fails.
    pub async fn ensure_token(self: &Arc<Self>) -> Result<(), SessionLoginError> {
        let Some(own) = self.current_token() else { return self.log_in().await };
        if own.renewal().is_none_or(|due| due > Instant::now()) {
            return Ok(());
        }
        if own.is_renewable()
            && let Ok(renewed) = renew(&self.client, &own).await
        {
            self.replace_state(&own, SessionState::LoggedIn(Arc::new(renewed)));
            return Ok(());
        }
        self.log_in().await
    }

    /// Returns the error, with a hint if the server is sealed because it is not initialized: Vault's
    /// response to a login does not distinguish the two.
    async fn explain_sealed(&self, error: VaultError) -> VaultError {
        if error.kind == FailureKind::Sealed
            && seal_status(&self.client).await.is_ok_and(|status| !status.initialized)
        {
            return VaultError::new(
                FailureKind::Sealed,
                "Vault is not initialized: run `vault-auth-validator bootstrap --init`",
            );
        }
        error
    }
}

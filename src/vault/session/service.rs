//! The session of the service: one task that logs in, renews the token and logs in again.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use backon::Retryable;
use tokio::time::sleep_until;

use super::{
    file_version::{FileVersion, file_version, wait_for_change},
    login::renew,
    login_backoff::{LoginBackoff, LoginFailure, LoginHold},
    self_test::check_capabilities,
    service_token::ServiceToken,
    state::{SessionState, VaultSession},
};
use crate::{
    telemetry::{
        Observer, ServiceLoginOutcome, record_login_failure, record_vault_failure,
        record_vault_recovery,
    },
    token::{Unavailable, UnavailableReason},
    vault::client::{FailureKind, VaultError, backoff::endless_backoff_delays},
};

/// The first and the maximum delay between two attempts to renew the token.
const RENEWAL_DELAYS: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));

/// The time after its issue within which a token that is rejected before it was ever accepted means
/// that the next one would be rejected, too.
const NEW_TOKEN_GRACE: Duration = Duration::from_millis(500);

/// The minimum time between two logins because of a denied permission.
const RELOGIN_COOLDOWN: Duration = Duration::from_secs(2);

/// The reason for a new login.
enum ReauthReason {
    /// Vault rejected the token.
    Rejected,
    /// Vault rejected the token before it was ever accepted.
    RejectedWhenNew,
    /// Vault denied the token a permission that it should have.
    PermissionDenied,
    /// The token cannot be renewed further, or the token file has changed.
    Due,
}

/// The logins of a session so far.
#[derive(Clone, Copy)]
enum LoginHistory {
    NoneSucceeded,
    SomeSucceeded,
}

impl VaultSession {
    /// Logs in and renews the token, until [`VaultSession::close`] ends the session.
    pub async fn run(&self) {
        let mut backoff = LoginBackoff::default();
        let mut last_logged = None;
        let mut history = LoginHistory::NoneSucceeded;
        let mut permission_denied = false;
        loop {
            let file = file_version(self.login.file()).await;
            let login = self.log_in_service().await;
            self.record_login(&login);
            let (failure, unavailable) = match login {
                Ok(None) => return,
                Ok(Some(own)) => {
                    last_logged = None;
                    history = LoginHistory::SomeSucceeded;
                    let reason = self.renew_until_replaced(own, file).await;
                    if !matches!(reason, ReauthReason::RejectedWhenNew) {
                        backoff = LoginBackoff::default();
                        permission_denied = matches!(reason, ReauthReason::PermissionDenied);
                        continue;
                    }
                    let detail = "vault rejects the token that it has just issued";
                    let unavailable = Unavailable::new(UnavailableReason::NotReady, detail);
                    record_login_failure("rejected_when_new", detail);
                    self.state.send_replace(SessionState::LoggedOut(unavailable.clone()));
                    (LoginFailure::Transient, unavailable)
                }
                Err(error) => {
                    let failure = error.kind;
                    let logged = last_logged.take().filter(|(logged, _)| *logged == failure);
                    let (_, unavailable) = logged.unwrap_or_else(|| {
                        record_failure(&error);
                        (failure, unavailable_after(error, history))
                    });
                    last_logged = Some((failure, unavailable.clone()));
                    if permission_denied && failure == FailureKind::PermissionDenied {
                        self.state.send_replace(SessionState::LoggedOut(unavailable.clone()));
                    } else {
                        self.log_out_unless_valid(unavailable.clone());
                    }
                    (failure.into(), unavailable)
                }
            };
            self.wait(backoff.record_failure(failure, file), unavailable).await;
        }
    }

    fn record_login(&self, login: &Result<Option<Arc<ServiceToken>>, VaultError>) {
        let outcome = match login {
            Ok(None) => return,
            Ok(Some(_)) => ServiceLoginOutcome::Ok,
            Err(error) => match error.kind {
                FailureKind::LoginCredentialsRejected
                | FailureKind::SecretIdUnusable
                | FailureKind::TokenNotFound => ServiceLoginOutcome::Rejected,
                FailureKind::LoginDenied => ServiceLoginOutcome::Denied,
                _ => ServiceLoginOutcome::Failed,
            },
        };
        self.client.metrics().record_service_login(outcome);
    }

    /// Waits until the hold ends. Callers that request a token meanwhile get this error.
    async fn wait(&self, hold: LoginHold, unavailable: Unavailable) {
        let mut state = self.state.subscribe();
        let reject_requests = async {
            while state.wait_for(|state| matches!(state, SessionState::LoggingIn)).await.is_ok() {
                self.log_out_unless_valid(unavailable.clone());
            }
        };
        tokio::select! {
            () = hold.wait(self.login.file()) => {}
            () = reject_requests => {}
        }
    }

    /// Logs in with a token that has the needed capabilities; `None` once the session has ended.
    async fn log_in_service(&self) -> Result<Option<Arc<ServiceToken>>, VaultError> {
        let Some(_logins) = self.lock_logins().await else { return Ok(None) };
        let own = self.login.log_in(&self.client).await?;
        if let Err(error) = check_capabilities(&self.client, &own).await {
            // The token is not used, and expires if it cannot be revoked.
            let _ = self.revoke(&own).await;
            return Err(error);
        }
        let own = Arc::new(own);
        self.state.send_replace(SessionState::LoggedIn(Arc::clone(&own)));
        record_vault_recovery(Observer::Session);
        tracing::info!("logged in to vault");
        Ok(Some(own))
    }

    /// Changes the state to logged out for this reason, unless there is a token whose lease has not
    /// ended.
    fn log_out_unless_valid(&self, unavailable: Unavailable) {
        self.state.send_if_modified(|state| {
            let is_valid = matches!(state, SessionState::LoggedIn(own) if !own.is_expired());
            if !is_valid {
                *state = SessionState::LoggedOut(unavailable);
            }
            !is_valid
        });
    }

    /// Renews this token until a new login is needed, and returns the reason for it.
    async fn renew_until_replaced(
        &self,
        mut own: Arc<ServiceToken>,
        file: Option<FileVersion>,
    ) -> ReauthReason {
        let first_lease = own.lease_length();
        let issued = Instant::now();
        loop {
            let mut state = self.state.subscribe();
            let permission_denied = async {
                sleep_until((issued + RELOGIN_COOLDOWN).into()).await;
                self.permission_denied.notified().await;
            };
            let renewed = tokio::select! {
                _ = state.wait_for(|state| !state.has_token(&own)) => {
                    let is_new = issued.elapsed() < NEW_TOKEN_GRACE && !own.was_accepted();
                    return if is_new { ReauthReason::RejectedWhenNew } else { ReauthReason::Rejected };
                }
                () = permission_denied => return ReauthReason::PermissionDenied,
                () = wait_for_change(self.login.watched_file(), file) => {
                    tracing::info!("the token file has changed");
                    return ReauthReason::Due;
                }
                renewed = self.renew_when_due(&own) => renewed,
            };
            let Some(renewed) = renewed.map(Arc::new) else { return ReauthReason::Due };
            self.replace_state(&own, SessionState::LoggedIn(Arc::clone(&renewed)));
            own = renewed;
            // Near the maximum lifetime of a token, its renewals become shorter and shorter.
            if own.lease_length() <= first_lease / 2 {
                return ReauthReason::Due;
            }
        }
    }

    /// Waits until the token is due for renewal, and returns it with a longer lease; `None` if it has
    /// to be replaced instead.
    async fn renew_when_due(&self, own: &Arc<ServiceToken>) -> Option<ServiceToken> {
        let Some(due) = own.renewal() else { return std::future::pending().await };
        sleep_until(due.into()).await;
        if !own.is_renewable() || own.is_expired() {
            return None;
        }
        let (first, longest) = RENEWAL_DELAYS;
        let mut last_logged = None;
        let renewed = (|| renew(&self.client, own))
            .retry(endless_backoff_delays(longest, first))
            .when(|error| !ends_token(error.kind) && !own.is_expired())
            .notify(|error, _| {
                if last_logged.replace(error.kind) != Some(error.kind) && !is_outage(error) {
                    tracing::warn!(%error, "cannot renew the service's own token");
                }
            })
            .await;
        if let Err(error) = &renewed
            && !is_outage(error)
            && last_logged != Some(error.kind)
        {
            tracing::warn!(%error, "cannot renew the service's own token");
        }
        if renewed.as_ref().is_err_and(|error| error.kind == FailureKind::TokenRejected) {
            self.replace_state(own, SessionState::LoggingIn);
        }
        renewed.ok()
    }
}

/// Records a failed login. If Vault is unavailable, it is a part of that outage.
fn record_failure(error: &VaultError) {
    let Unavailable { reason, detail } = error.clone().into();
    if is_outage(error) {
        record_vault_failure(Observer::Session, reason, &detail);
    } else {
        record_login_failure(error.kind.label(), &detail);
    }
}

/// Returns true if the error is none of the service's own: Vault does not respond as it should.
fn is_outage(error: &VaultError) -> bool {
    let Unavailable { reason, .. } = error.clone().into();
    !matches!(reason, UnavailableReason::NotReady | UnavailableReason::Misconfigured)
}

/// Returns true if a renewal that failed like this will not succeed later. Past the maximum lifetime
/// of a token OpenBao responds with 400 or 500; a login then serves as well as a renewal.
fn ends_token(failure: FailureKind) -> bool {
    matches!(
        failure,
        FailureKind::BadRequest | FailureKind::ServerError | FailureKind::TokenRejected
    )
}

/// Returns what a failed login means for those that need a token.
fn unavailable_after(error: VaultError, history: LoginHistory) -> Unavailable {
    match (history, error.kind) {
        (LoginHistory::SomeSucceeded, failure)
            if !matches!(
                failure,
                FailureKind::BadRequest
                    | FailureKind::NamespaceNotFound
                    | FailureKind::SecretIdUnusable
            ) =>
        {
            error.into()
        }
        _ => Unavailable::new(UnavailableReason::NotReady, format!("vault login: {error}")),
    }
}

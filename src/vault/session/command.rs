//! The session of a command, which logs in when it has to and has no task that does.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{sync::MutexGuard, time::timeout_at};

use super::{Session, State};
use crate::{
    token::{Cause, Unavailable},
    vault::{
        api::token::revoke_self,
        attempts::{Attempts, Hold},
        error::{Failure, VaultError},
        file_change::stamp,
        login::renew,
        own_token::OwnToken,
        seal::is_empty,
    },
};

/// The logins of a session.
#[derive(Default)]
pub(super) struct Logins {
    /// True once the session has ended: from then on there is none.
    ended: bool,
    /// Those of [`Session::open`] that failed, and the time during which none is tried.
    attempts: Attempts,
    hold: Option<(Hold, VaultError)>,
}

/// Vault did not let somebody in.
#[derive(Debug)]
pub struct LoginError(VaultError);

/// The reason why there is no token after the end of a session.
const ENDED: &str = "the session has ended";

/// The longest that the end of a session may take: nobody waits for Vault any more, and who was sent a
/// signal is to end within a second.
const FAREWELL: Duration = Duration::from_millis(750);

impl fmt::Display for LoginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.failure {
            Failure::OwnToken => f.write_str(
                "Vault refuses the token: it is unknown, expired or revoked. `vault login` brings \
                 a new one, and VAULT_TOKEN goes before it",
            ),
            Failure::OwnPolicy => f.write_str(
                "the token may not look itself up: it needs Vault's policy `default`, or the one \
                 in policies/validator.hcl",
            ),
            Failure::LoginRefused
            | Failure::LoginDenied
            | Failure::SecretIdSpent
            | Failure::Sealed
            | Failure::Redirect => f.write_str(self.0.detail()),
            Failure::NoNamespace => write!(f, "{}", self.0),
            Failure::Tls => write!(f, "Vault cannot be reached: {}", self.0.detail()),
            Failure::Connect | Failure::Timeout => write!(
                f,
                "Vault cannot be reached: {}; VAULT_ADDR says where it is",
                self.0.detail()
            ),
            _ => write!(f, "cannot log in to Vault: {}", self.0),
        }
    }
}

impl std::error::Error for LoginError {}

impl Session {
    /// Logs in, for a program that runs without [`Session::keep`], unless that failed a short while
    /// ago: then the error is the same.
    ///
    /// It is a task of its own. A caller that is gone before the answer would leave a token behind
    /// that nobody knows of; like this, [`Session::close`] revokes it.
    ///
    /// # Errors
    /// [`LoginError`] if Vault does not let it in.
    pub async fn open(self: &Arc<Self>) -> Result<(), LoginError> {
        let session = Arc::clone(self);
        let opened = tokio::spawn(async move { session.open_by_itself().await }).await;
        opened
            .unwrap_or_else(|error| {
                Err(VaultError::new(Failure::Local, format!("the login broke off: {error}")))
            })
            .map_err(LoginError)
    }

    async fn open_by_itself(&self) -> Result<(), VaultError> {
        let Some(mut logins) = self.logins().await else {
            return Err(VaultError::new(Failure::Local, ENDED));
        };
        let file = stamp(self.login.file()).await;
        if let Some((hold, error)) = &logins.hold
            && !hold.is_over(file)
        {
            return Err(error.clone());
        }
        match self.login.log_in(&self.client).await {
            Ok(own) => {
                *logins = Logins::default();
                let before = self.state.send_replace(State::In(Arc::new(own)));
                drop(logins);
                if let State::In(before) = before {
                    // It is of no use any more, and ends by itself if it is not revoked.
                    let _ = self.revoke(&before).await;
                }
                Ok(())
            }
            Err(error) => {
                let error = self.explained(error).await;
                let hold = logins.attempts.failed(error.failure.into(), file);
                logins.hold = Some((hold, error.clone()));
                self.state.send_if_modified(|state| {
                    let waiting = matches!(state, State::LoggingIn);
                    if waiting {
                        *state = State::Out(error.clone().into());
                    }
                    waiting
                });
                Err(error)
            }
        }
    }

    /// The right to log in, which one has at a time; `None` once the session has ended.
    pub(super) async fn logins(&self) -> Option<MutexGuard<'_, Logins>> {
        let logins = self.logins.lock().await;
        (!logins.ended).then_some(logins)
    }

    /// Ends the session: revokes the token if a login brought it or is about to, within a second. A
    /// token that somebody else made is left alone.
    ///
    /// # Errors
    /// Why the token was not revoked. It ends by itself later.
    pub async fn close(&self) -> Result<(), String> {
        let closed = State::Out(Unavailable::new(Cause::NotReady, ENDED));
        if !self.obtains_tokens() {
            self.state.send_replace(closed);
            return Ok(());
        }
        let end = Instant::now() + FAREWELL;
        // One that is under way may bring a token yet.
        let Ok(mut logins) = timeout_at(end.into(), self.logins.lock()).await else {
            return Err("this ended while a login was under way: if Vault lets it in, its token \
                        lives on until it ends"
                .to_owned());
        };
        logins.ended = true;
        drop(logins);
        let present = match &*self.state.borrow() {
            State::In(own) => Some(Arc::clone(own)),
            State::LoggingIn | State::Out(_) => None,
        };
        let revoked = match &present {
            // It stays until then: this may be given up, and called again.
            Some(own) => timeout_at(end.into(), self.revoke(own)).await,
            None => Ok(Ok(())),
        };
        self.state.send_replace(closed);
        revoked.unwrap_or_else(|_| Err("Vault does not answer".to_owned())).map_err(|why| {
            format!(
                "the token of this login could not be revoked, and lives on until it ends: {why}"
            )
        })
    }

    /// Revokes this token if a login brought it. A batch token, which has no accessor, cannot be.
    pub(super) async fn revoke(&self, own: &OwnToken) -> Result<(), String> {
        if !self.login.obtains_tokens() || !own.has_accessor_at_all() {
            return Ok(());
        }
        revoke_self(&self.client, &own.token).await.or_else(|error| match error.failure {
            // It has been revoked, or was used up.
            Failure::OwnToken => Ok(()),
            Failure::OwnPolicy => Err("its policies do not grant update on \
                 auth/token/revoke-self, which Vault's policy `default` and \
                 policies/validator.hcl do"
                .to_owned()),
            _ => Err(error.to_string()),
        })
    }

    /// The error, of a Vault that is not initialised with that reason: to any other call it says
    /// that it is sealed.
    async fn explained(&self, error: VaultError) -> VaultError {
        if error.failure == Failure::Sealed && is_empty(&self.client).await {
            return VaultError::new(
                Failure::Sealed,
                "Vault is not initialised: `vault-auth-validator bootstrap --init` does that",
            );
        }
        error
    }

    /// Sees to it that there is a token for a while to come: renews the present one when that is due,
    /// or logs in anew. For a program that runs on without [`Session::keep`].
    ///
    /// # Errors
    /// [`LoginError`] if Vault does not let it in any more.
    pub async fn refresh(self: &Arc<Self>) -> Result<(), LoginError> {
        let present = match &*self.state.borrow() {
            State::In(own) => Some(Arc::clone(own)),
            State::LoggingIn | State::Out(_) => None,
        };
        let Some(own) = present else { return self.open().await };
        if own.renewal().is_none_or(|due| due > Instant::now()) {
            return Ok(());
        }
        if own.is_renewable()
            && let Ok(renewed) = renew(&self.client, &own).await
        {
            self.leave(&own, State::In(Arc::new(renewed)));
            return Ok(());
        }
        self.open().await
    }

    /// Has no token from now on, if Vault refused this one; [`Session::refresh`] brings another.
    pub(crate) fn give_up(&self, refused: &Arc<OwnToken>) {
        let unavailable = Unavailable::new(Cause::NotReady, "vault refuses the token");
        self.leave(refused, State::Out(unavailable));
    }
}

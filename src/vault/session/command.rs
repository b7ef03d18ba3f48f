//! The session of a command, which logs in when it has to and has no task that does.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::json;
use tokio::time::timeout;

use super::{Session, State};
use crate::{
    token::{Cause, Unavailable},
    vault::{
        attempts::{Attempts, Hold},
        call::Call,
        client::Operation,
        error::{Failure, VaultError},
        file_change::stamp,
        login::renew,
        own_token::OwnToken,
        seal::is_empty,
    },
};

/// Logins that failed, and the time during which none is tried.
#[derive(Default)]
pub(super) struct Failed {
    attempts: Attempts,
    hold: Option<(Hold, VaultError)>,
}

/// Vault did not let somebody in.
#[derive(Debug)]
pub struct LoginError(VaultError);

/// The longest that the end of a session may take: nobody waits for Vault any more, and who was sent a
/// signal is to end within a second.
const FAREWELL: Duration = Duration::from_millis(900);

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
    /// Logs in once, for a program that is soon done.
    ///
    /// # Errors
    /// [`LoginError`] if Vault does not let it in.
    pub async fn open(&self) -> Result<(), LoginError> {
        let own = match self.login.log_in(&self.client).await {
            Ok(own) => own,
            Err(error) => {
                let error = self.explained(error).await;
                self.state.send_if_modified(|state| {
                    let waiting = matches!(state, State::LoggingIn);
                    if waiting {
                        *state = State::Out(error.clone().into());
                    }
                    waiting
                });
                return Err(LoginError(error));
            }
        };
        let before = self.state.send_replace(State::In(Arc::new(own)));
        if let State::In(before) = before {
            // It is of no use any more, and ends by itself if it is not revoked.
            let _ = self.revoke(&before).await;
        }
        Ok(())
    }

    /// Ends the session: revokes the token if a login brought it or is about to, within a second. A
    /// token that somebody else made is left alone.
    ///
    /// # Errors
    /// Why the token was not revoked. It ends by itself later.
    pub async fn close(&self) -> Result<(), String> {
        let revoked = timeout(FAREWELL, async {
            let own = self.token().await;
            let closed = Unavailable::new(Cause::NotReady, "the session has ended");
            self.state.send_replace(State::Out(closed));
            match own {
                Ok(own) => self.revoke(&own).await,
                Err(_) => Ok(()),
            }
        });
        revoked.await.unwrap_or_else(|_| Err("Vault does not answer".to_owned())).map_err(|why| {
            format!(
                "the token of this login could not be revoked, and lives on until it ends: {why}"
            )
        })
    }

    /// Revokes this token if a login brought it. A batch token, which has no accessor, cannot be.
    async fn revoke(&self, own: &OwnToken) -> Result<(), String> {
        if !self.login.obtains_tokens() || !own.has_accessor_at_all() {
            return Ok(());
        }
        let call = Call::post("auth/token/revoke-self", &json!({}));
        let revoked = self.client.done(Operation::Revoke, &own.token, &call).await;
        revoked.or_else(|error| match error.failure {
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
    pub async fn refresh(&self) -> Result<(), LoginError> {
        let present = match &*self.state.borrow() {
            State::In(own) => Some(Arc::clone(own)),
            State::LoggingIn | State::Out(_) => None,
        };
        let Some(own) = present else { return self.open_again().await };
        if own.renewal().is_none_or(|due| due > Instant::now()) {
            return Ok(());
        }
        if own.is_renewable()
            && let Ok(renewed) = renew(&self.client, &own).await
        {
            self.leave(&own, State::In(Arc::new(renewed)));
            return Ok(());
        }
        self.open_again().await
    }

    /// Logs in, unless that failed a short while ago: then the error is the same.
    async fn open_again(&self) -> Result<(), LoginError> {
        let mut failed = self.failed.lock().await;
        let file = stamp(self.login.file()).await;
        if let Some((hold, error)) = &failed.hold
            && !hold.is_over(file)
        {
            return Err(LoginError(error.clone()));
        }
        let opened = self.open().await;
        match &opened {
            Ok(()) => *failed = Failed::default(),
            Err(LoginError(error)) => {
                let hold = failed.attempts.failed(error.failure.into(), file);
                failed.hold = Some((hold, error.clone()));
            }
        }
        opened
    }

    /// Has no token from now on, if Vault refused this one; [`Session::refresh`] brings another.
    pub(crate) fn give_up(&self, refused: &Arc<OwnToken>) {
        let unavailable = Unavailable::new(Cause::NotReady, "vault refuses the token");
        self.leave(refused, State::Out(unavailable));
    }
}

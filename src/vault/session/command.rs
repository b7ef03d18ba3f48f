//! The session of a command, which logs in when it has to and has no task that does.

use std::{fmt, sync::Arc, time::Instant};

use super::{Session, State};
use crate::{
    token::{Cause, Unavailable},
    vault::{
        attempts::{Attempts, Hold},
        error::{Failure, VaultError},
        file_change::stamp,
        login::renew,
        own_token::OwnToken,
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
            Failure::LoginRefused | Failure::LoginDenied => f.write_str(self.0.detail()),
            Failure::Connect | Failure::Timeout => {
                write!(f, "Vault cannot be reached: {}. VAULT_ADDR says where it is", self.0)
            }
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
        let own = self.login.log_in(&self.client).await.map_err(LoginError)?;
        self.state.send_replace(State::In(Arc::new(own)));
        Ok(())
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

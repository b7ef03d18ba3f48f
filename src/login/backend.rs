use std::{fmt, time::Duration};

use futures_util::future::BoxFuture;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::BrowserLoginMethod;
use crate::token::{CallerToken, Unavailable, UnavailableReason};

/// The result of one step of a login.
#[derive(Debug)]
pub enum LoginStep {
    /// The login is complete: the person's token, which can be looked up, renewed and revoked with
    /// itself.
    LoggedIn(CallerToken),
    /// Vault requires further factors.
    MfaRequired(MfaRequirement),
}

/// The further factors that Vault requires before it issues a token
/// (<https://openbao.org/docs/auth/login-mfa/>).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MfaRequirement {
    /// The id of the login, valid for five minutes.
    pub request_id: String,
    /// The ids of the methods that a passcode is needed for, one for each constraint.
    pub methods: Vec<String>,
}

/// The reason why a login failed.
#[derive(Debug)]
pub enum LoginError {
    /// Vault rejects the credentials. It is not said why: the user is unknown, locked or disabled, or
    /// the password or the passcode is wrong.
    Rejected,
    /// Vault no longer knows the login, because it took too long or was completed before.
    Expired,
    /// The login yields a token that cannot be a session.
    UnsuitableToken(UnsuitableToken),
    /// The auth method is not set up for this login; describes the error for the operator's log.
    Misconfigured(String),
    /// Vault is unavailable, so the result is unknown.
    Unavailable(Unavailable),
}

impl fmt::Display for LoginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected => f.write_str("Vault rejects the credentials"),
            Self::Expired => f.write_str("Vault no longer knows the login"),
            Self::UnsuitableToken(reason) => reason.fmt(f),
            Self::Misconfigured(detail) => f.write_str(detail),
            Self::Unavailable(unavailable) => f.write_str(&unavailable.detail),
        }
    }
}

/// The reason why a token cannot be a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnsuitableToken {
    /// It is a batch token, which can be neither renewed nor revoked.
    Batch,
    /// It lacks the policy `default`, with which a token may look itself up, renew and revoke itself,
    /// and wrap.
    NoDefaultPolicy,
    /// Its number of uses is limited.
    LimitedUses,
}

/// The parameters with which an `OpenID` provider returns a browser.
#[derive(Debug)]
pub struct OidcCallback {
    /// The state that Vault issued.
    pub state: SecretString,
    /// The provider's code.
    pub code: SecretString,
    /// The nonce that the login was started with.
    pub client_nonce: SecretString,
}

/// The future of a step of a login.
pub type LoginFuture<'a, T> = BoxFuture<'a, Result<T, LoginError>>;

/// The server that people log in to: Vault.
pub trait LoginBackend: Send + Sync + 'static {
    /// Logs in with a user name and a password, neither of them empty.
    fn log_in<'a>(
        &'a self,
        method: &'a BrowserLoginMethod,
        name: &'a str,
        password: &'a SecretString,
    ) -> LoginFuture<'a, LoginStep>;

    /// Starts a login at an `OpenID` provider, and returns the address to send the browser to.
    fn start_oidc<'a>(
        &'a self,
        method: &'a BrowserLoginMethod,
        redirect_uri: &'a str,
        client_nonce: &'a SecretString,
    ) -> LoginFuture<'a, String>;

    /// Completes a login at an `OpenID` provider.
    fn finish_oidc<'a>(
        &'a self,
        method: &'a BrowserLoginMethod,
        callback: &'a OidcCallback,
    ) -> LoginFuture<'a, LoginStep>;

    /// Completes a login with a passcode for each of the required methods, in their order.
    fn validate_mfa<'a>(
        &'a self,
        requirement: &'a MfaRequirement,
        passcodes: &'a [SecretString],
    ) -> LoginFuture<'a, CallerToken>;

    /// Puts a token into a response-wrapping token, which can be exchanged for it once, within this time, at
    /// any node of Vault.
    fn wrap<'a>(
        &'a self,
        token: &'a CallerToken,
        lifetime: Duration,
    ) -> LoginFuture<'a, SecretString>;

    /// Exchanges a response-wrapping token of [`Self::wrap`] for the token in it.
    ///
    /// # Errors
    /// [`LoginError::Expired`] if it was used before or has expired, or was not issued by
    /// [`Self::wrap`].
    fn unwrap<'a>(&'a self, ticket: &'a SecretString) -> LoginFuture<'a, CallerToken>;

    /// Revokes a token with itself. It is no error if it is not valid.
    fn revoke<'a>(&'a self, token: &'a CallerToken) -> LoginFuture<'a, ()>;
}

impl fmt::Display for UnsuitableToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Batch => {
                "the login yields a batch token, which can be neither renewed nor revoked: set \
                 token_type=service for the role, the user or the mount"
            }
            Self::NoDefaultPolicy => {
                "the login yields a token without the policy `default`, which a session needs: set \
                 token_no_default_policy=false for the role or the user"
            }
            Self::LimitedUses => {
                "the login yields a token with a limited number of uses: set token_num_uses=0 for \
                 the role or the user"
            }
        })
    }
}

impl LoginError {
    /// Creates the error of a task that panicked, so that the result is unknown.
    #[must_use]
    pub fn task_failed() -> Self {
        let reason = UnavailableReason::NoValidResponse;
        Self::Unavailable(Unavailable::new(reason, "the task of the login failed"))
    }
}

impl From<Unavailable> for LoginError {
    fn from(unavailable: Unavailable) -> Self {
        Self::Unavailable(unavailable)
    }
}

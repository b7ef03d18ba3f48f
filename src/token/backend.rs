use std::{fmt, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use secrecy::{ExposeSecret, SecretString};

use crate::{
    capabilities::Capabilities,
    token::{Credential, Facts},
};

/// A caller's token to be sent to Vault. Zeroed in memory when dropped, and redacted in `Debug`.
#[derive(Clone, Debug)]
pub struct Token(SecretString);

impl Token {
    /// Returns the token in plain text.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Returns the token as a secret string.
    #[must_use]
    pub fn secret(&self) -> &SecretString {
        &self.0
    }
}

impl From<SecretString> for Token {
    fn from(token: SecretString) -> Self {
        Self(token)
    }
}

impl From<&Credential<'_>> for Token {
    fn from(credential: &Credential<'_>) -> Self {
        Self(credential.expose().into())
    }
}

/// The result of looking a token up.
#[derive(Debug)]
pub enum Verdict {
    /// The token is valid; its information.
    Live(Box<Facts>),
    /// The token is unknown, expired, revoked, or of a disabled entity: Vault does not distinguish
    /// these.
    Invalid,
}

/// Vault is unavailable, so the token's state is unknown.
#[derive(Clone)]
pub struct Unavailable {
    /// The reason, as far as clients may see it.
    pub cause: Cause,
    /// Details for the operator's log; never contains a secret.
    pub detail: Arc<str>,
}

/// The reason why Vault is unavailable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Vault sent no response, or none that can be relied on.
    Vault,
    /// Vault is sealed or not initialized.
    Sealed,
    /// Vault is rate limiting requests.
    Throttled,
    /// This service has not logged in to Vault yet.
    NotReady,
    /// Too many calls to Vault are in flight.
    Overloaded,
}

impl Unavailable {
    /// Creates an error with this reason.
    pub fn new(cause: Cause, detail: impl Into<Arc<str>>) -> Self {
        Self { cause, detail: detail.into() }
    }
}

impl fmt::Debug for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.cause, self.detail)
    }
}

/// The result of consuming one use of a limited-use token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spent {
    /// Vault counted one use.
    One,
    /// No use was left.
    None,
}

/// The result of a capabilities lookup.
#[derive(Clone, Debug)]
pub enum Granted {
    /// The capabilities granted, in the order of the paths.
    Capabilities(Arc<[Capabilities]>),
    /// The token is no longer valid.
    Invalid,
}

/// The priority of a lookup while the capacity for lookups is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookupPriority {
    /// Vault accepted the token recently; such lookups have reserved capacity.
    Known,
    /// The token may be a guess.
    Unknown,
}

/// The future of a backend call.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, Unavailable>>;

/// The backend that looks up tokens: Vault.
pub trait Authority: Send + Sync + 'static {
    /// Looks up a token and its entity.
    fn lookup(&self, token: Token, priority: LookupPriority) -> Answer<'_, Verdict>;

    /// Fetches the token's capabilities on all of these paths in one call.
    fn capabilities(&self, token: Token, paths: Vec<String>) -> Answer<'_, Granted>;

    /// Consumes one use of a limited-use token.
    fn spend(&self, token: Token) -> Answer<'_, Spent>;

    /// Checks that Vault responds to lookups, whatever the response is.
    fn probe(&self) -> Answer<'_, ()>;

    /// The maximum time that one caller waits for a response. A shared call may take twice as long,
    /// so that a caller that joins it late still has this time.
    fn timeout(&self) -> Duration;
}

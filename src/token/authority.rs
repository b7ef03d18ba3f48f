use std::{fmt, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use secrecy::{ExposeSecret, SecretString};

use crate::{
    capabilities::Capabilities,
    token::{Credential, Facts},
};

/// A caller's token on its way to Vault. Wiped from memory when it is dropped, and its `Debug`
/// shows nothing of it.
#[derive(Clone, Debug)]
pub struct Token(SecretString);

impl Token {
    /// The token itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// The token, still wrapped.
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

/// Vault's explicit word on a token.
#[derive(Debug)]
pub enum Verdict {
    /// It is live, and this is what there is to know of it.
    Live(Box<Facts>),
    /// Unknown, expired, revoked, or of a disabled entity: Vault would not say which.
    Invalid,
}

/// Vault's word could not be had, so nothing is known of the token.
#[derive(Clone)]
pub struct Unavailable {
    /// What kept it from us, as a client may know it.
    pub cause: Cause,
    /// The same for the operator's log; never holds a secret.
    pub detail: Arc<str>,
}

/// Why Vault's word could not be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// It did not answer, or not in a way that can be relied on.
    Vault,
    /// It is sealed or not initialised.
    Sealed,
    /// It asks for fewer requests.
    Throttled,
    /// This service has not logged in to it yet.
    NotReady,
    /// Too many questions to it are under way already.
    Overloaded,
}

impl Unavailable {
    /// An unavailability of this cause.
    pub fn new(cause: Cause, detail: impl Into<Arc<str>>) -> Self {
        Self { cause, detail: detail.into() }
    }
}

impl fmt::Debug for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.cause, self.detail)
    }
}

/// Whether Vault has counted one use of a token with a limited number of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spent {
    /// It has.
    One,
    /// There was none left.
    None,
}

/// What Vault grants a token, path by path.
#[derive(Clone, Debug)]
pub enum Granted {
    /// This, in the order of the paths that were asked about.
    Capabilities(Arc<[Capabilities]>),
    /// Nothing any more: it refuses the token.
    Invalid,
}

/// Which lookups are made first while many are waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookupPriority {
    /// Vault accepted the token lately: these have capacity of their own.
    Known,
    /// Nothing is known of the token, which may be a guess.
    Unknown,
}

/// An answer of the authority, to come.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, Unavailable>>;

/// Where the truth about tokens is: Vault.
pub trait Authority: Send + Sync + 'static {
    /// What this token is.
    fn lookup(&self, token: Token, priority: LookupPriority) -> Answer<'_, Verdict>;

    /// What this token is granted on each of these paths, in one question.
    fn capabilities(&self, token: Token, paths: Vec<String>) -> Answer<'_, Granted>;

    /// Counts a use of this token, of which it has a limited number.
    fn spend(&self, token: Token) -> Answer<'_, Spent>;

    /// Completes when Vault answers a lookup, whatever it says.
    fn probe(&self) -> Answer<'_, ()>;

    /// The longest that one caller waits for an answer. A call that several callers share may take
    /// twice as long, so that one who joins it late still has this time.
    fn timeout(&self) -> Duration;
}

use std::{fmt, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use crate::{
    capabilities::Capabilities,
    token::{ResponseNode, TokenInfo},
};

/// A caller's token to be sent to Vault. Zeroed in memory when dropped, and redacted in `Debug`.
#[derive(Clone, Debug)]
pub struct CallerToken {
    token: SecretString,
    renewed_by: RenewedBy,
    /// The time at which the credential with the token expires, if it has an expiry of its own.
    valid_until: Option<Timestamp>,
}

/// The party that renews a token before it expires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RenewedBy {
    /// The client, which has the token.
    Client,
    /// This service, since the token is a session and a browser has it only in sealed form.
    Validator,
}

impl CallerToken {
    /// Returns the token in plain text.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.token.expose_secret()
    }

    /// Returns the token as a secret string.
    #[must_use]
    pub fn as_secret(&self) -> &SecretString {
        &self.token
    }

    /// Sets the party that renews the token, which is the client by default.
    #[must_use]
    pub fn renewed_by(self, party: RenewedBy) -> Self {
        Self { renewed_by: party, ..self }
    }

    /// Sets the time at which the credential with the token expires, even if the token itself does not.
    #[must_use]
    pub(super) fn valid_until(self, expiry: Timestamp) -> Self {
        Self { valid_until: Some(expiry), ..self }
    }

    /// Returns the time at which the credential with the token expires, if it has an expiry of its own.
    pub(super) fn credential_expiry(&self) -> Option<Timestamp> {
        self.valid_until
    }

    /// Returns true if this service renews the token.
    pub(super) fn is_session(&self) -> bool {
        self.renewed_by == RenewedBy::Validator
    }
}

impl From<SecretString> for CallerToken {
    fn from(token: SecretString) -> Self {
        Self { token, renewed_by: RenewedBy::Client, valid_until: None }
    }
}

impl From<&str> for CallerToken {
    fn from(token: &str) -> Self {
        Self::from(SecretString::from(token))
    }
}

/// The result of looking a token up.
#[derive(Debug)]
pub enum LookupResult {
    /// The token is valid; its information.
    Active(Box<TokenInfo>),
    /// The token is unknown, expired, revoked, or of a disabled entity: Vault does not distinguish
    /// these.
    Invalid,
}

/// Vault is unavailable, so the token's state is unknown.
#[derive(Clone)]
pub struct Unavailable {
    /// The reason, as far as clients may see it.
    pub reason: UnavailableReason,
    /// Details for the operator's log; never contains a secret.
    pub detail: Arc<str>,
}

/// The reason why Vault is unavailable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnavailableReason {
    /// Vault sent no response, or none that can be relied on.
    NoValidResponse,
    /// Vault, or a server at its address, lacks what the request needs, such as a mount. It stays so
    /// until the configuration changes.
    Misconfigured,
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
    pub fn new(cause: UnavailableReason, detail: impl Into<Arc<str>>) -> Self {
        Self { reason: cause, detail: detail.into() }
    }
}

impl fmt::Debug for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.reason, self.detail)
    }
}

/// The result of consuming one use of a limited-use token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UseOutcome {
    /// Vault counted one use.
    Consumed,
    /// No use was left.
    Exhausted,
}

/// The result of a capabilities lookup.
#[derive(Clone, Debug)]
pub enum CapabilitiesResult {
    /// The capabilities granted, in the order of the paths, and the node that responded.
    Capabilities(Arc<[Capabilities]>, ResponseNode),
    /// The token is no longer valid.
    Invalid,
}

/// The manner in which a token is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LookupMode {
    /// The priority while the capacity for lookups is used up.
    pub priority: LookupPriority,
    /// The nodes of Vault that may respond.
    pub consistency: LookupConsistency,
}

/// The nodes of Vault whose response is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookupConsistency {
    /// Any node that is not behind what this service has seen.
    NotOlderThanSeen,
    /// The active node, or any other one if there is no active node. The response tells which one it was.
    ActivePreferred,
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
pub type BackendFuture<'a, T> = BoxFuture<'a, Result<T, Unavailable>>;

/// The backend that looks up tokens: Vault.
pub trait TokenBackend: Send + Sync + 'static {
    /// Looks up a token and its entity.
    fn lookup(&self, token: CallerToken, mode: LookupMode) -> BackendFuture<'_, LookupResult>;

    /// Fetches the token's capabilities on all of these paths in one call.
    fn capabilities(
        &self,
        token: CallerToken,
        paths: Vec<String>,
        consistency: LookupConsistency,
    ) -> BackendFuture<'_, CapabilitiesResult>;

    /// Consumes one use of a limited-use token.
    fn consume_use(&self, token: CallerToken) -> BackendFuture<'_, UseOutcome>;

    /// Renews a token with itself.
    ///
    /// # Errors
    /// [`Unavailable`] if Vault did not renew it: then it ends when it would have ended.
    fn renew(&self, token: CallerToken) -> BackendFuture<'_, ()>;

    /// Checks that Vault responds to lookups, whatever the response is.
    fn probe(&self) -> BackendFuture<'_, ()>;

    /// The maximum time that one caller waits for a response. A shared call may take twice as long,
    /// so that a caller that joins it late still has this time.
    fn timeout(&self) -> Duration;
}

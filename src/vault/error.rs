use std::{error::Error, fmt};

use hyper_util::client::legacy;

use crate::{
    secrets::Unreadable,
    token::{Cause, Unavailable},
    vault::{client::Operation, wording::meaning},
};

/// A call to Vault that brought no usable answer.
#[derive(Clone, Debug)]
pub(crate) struct VaultError {
    pub(crate) failure: Failure,
    detail: String,
}

/// In which way a call failed. Its label is the outcome in the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// No connection: refused, unresolved, or no TLS.
    Connect,
    /// No answer in time.
    Timeout,
    /// The connection broke.
    Reset,
    /// An answer that is not what the call answers with, or is too large.
    Malformed,
    /// Vault points elsewhere, which is never followed: the request carries tokens.
    Redirect,
    /// Vault refuses the token that was asked about.
    Refused,
    /// Vault knows the token that was asked about, and grants it nothing.
    NothingGranted,
    /// Vault says that the call is wrong.
    BadRequest,
    /// There is no such thing.
    NotFound,
    /// There is no engine or auth method at this path.
    NoMount,
    /// The secret is not at the version that the write was meant for.
    Conflict,
    /// The ciphertext is not one that this key decrypts here.
    Undecryptable(Unreadable),
    /// The server was initialised before.
    Initialized,
    /// The server takes this from its configuration file alone.
    ConfigurationOnly,
    /// It is more than Vault takes at once.
    TooLarge,
    /// Something on this machine, before Vault was asked.
    Local,
    /// Vault refuses the token that the call is made with: the service's own, or a caller's.
    OwnToken,
    /// The token that the call is made with may not make it.
    OwnPolicy,
    /// Vault refuses the role id or the secret id of a login. Each such login counts towards the
    /// lockout of the role.
    LoginRefused,
    /// Vault takes no login of this role at present: it is locked out, or disabled.
    LoginDenied,
    /// A quota is used up.
    Throttled,
    /// Sealed, or not initialised.
    Sealed,
    /// Somebody else's write came between the parts of this one. Vault's storage has none of it.
    StorageConflict,
    /// Vault failed.
    Server,
}

impl Failure {
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Timeout => "timeout",
            Self::Reset => "reset",
            Self::Malformed => "malformed",
            Self::Redirect => "redirect",
            Self::Refused => "refused",
            Self::NothingGranted => "nothing_granted",
            Self::BadRequest => "bad_request",
            Self::NotFound => "not_found",
            Self::NoMount => "no_mount",
            Self::Conflict => "conflict",
            Self::Undecryptable(_) => "undecryptable",
            Self::Initialized => "initialized",
            Self::ConfigurationOnly => "configuration_only",
            Self::LoginRefused => "login_refused",
            Self::LoginDenied => "login_denied",
            Self::TooLarge => "too_large",
            Self::Local => "local",
            Self::OwnToken => "own_token",
            Self::OwnPolicy => "own_policy",
            Self::Throttled => "throttled",
            Self::Sealed => "sealed",
            Self::StorageConflict => "storage_conflict",
            Self::Server => "server_error",
        }
    }
}

impl VaultError {
    pub(crate) fn new(failure: Failure, detail: impl Into<String>) -> Self {
        Self { failure, detail: detail.into() }
    }

    /// What happened, without its kind.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// Whether a call that changes something may have been carried out all the same: it was sent,
    /// and there is no answer that denies it.
    pub(crate) fn is_unsettled(&self) -> bool {
        match self.failure {
            // A 400 is also what a server says that ceased to lead while it wrote.
            Failure::Timeout
            | Failure::Reset
            | Failure::Malformed
            | Failure::Server
            | Failure::BadRequest => true,
            Failure::Connect
            | Failure::Redirect
            | Failure::Refused
            | Failure::NothingGranted
            | Failure::NotFound
            | Failure::NoMount
            | Failure::Conflict
            | Failure::Undecryptable(_)
            | Failure::Initialized
            | Failure::ConfigurationOnly
            | Failure::TooLarge
            | Failure::Local
            | Failure::OwnToken
            | Failure::OwnPolicy
            | Failure::LoginRefused
            | Failure::LoginDenied
            | Failure::Throttled
            | Failure::Sealed
            | Failure::StorageConflict => false,
        }
    }

    pub(crate) fn malformed(detail: &str) -> Self {
        Self::new(Failure::Malformed, format!("an answer that cannot be read: {detail}"))
    }

    /// The error of a response to this call that is not 2xx. `errors` are Vault's messages; `None`
    /// if the body is not of Vault's making, but of something in front of it.
    pub(crate) fn from_status(operation: Operation, code: u16, errors: Option<&[String]>) -> Self {
        let failure = meaning(operation, code, errors);
        let errors = errors.unwrap_or_default().join("; ");
        let words: String = errors.split_whitespace().collect::<Vec<_>>().join(" ");
        let words: String = words.chars().take(200).collect();
        Self::new(failure, format!("{code} {words}").trim_end().to_owned())
    }
}

/// The words of an error and of what is behind it.
fn in_full(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        words = format!("{words}: {cause}");
        source = cause.source();
    }
    words
}

impl From<legacy::Error> for VaultError {
    fn from(error: legacy::Error) -> Self {
        let failure = if error.is_connect() { Failure::Connect } else { Failure::Reset };
        Self::new(failure, in_full(&error))
    }
}

impl From<hyper::Error> for VaultError {
    fn from(error: hyper::Error) -> Self {
        Self::new(Failure::Reset, in_full(&error))
    }
}

impl fmt::Display for VaultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.failure.label(), self.detail)
    }
}

impl Error for VaultError {}

impl From<VaultError> for Unavailable {
    fn from(error: VaultError) -> Self {
        let cause = match error.failure {
            Failure::Sealed => Cause::Sealed,
            Failure::Throttled => Cause::Throttled,
            Failure::OwnToken
            | Failure::OwnPolicy
            | Failure::LoginRefused
            | Failure::LoginDenied
            | Failure::Local => Cause::NotReady,
            _ => Cause::Vault,
        };
        Self::new(cause, format!("vault: {error}"))
    }
}

/// Without a token there is no call.
impl From<Unavailable> for VaultError {
    fn from(unavailable: Unavailable) -> Self {
        Self::new(Failure::Local, unavailable.detail.to_string())
    }
}

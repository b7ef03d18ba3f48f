use std::{error::Error, fmt, io};

use hyper_util::client::legacy;

use crate::{
    probe::{self, CertificateFault, tls_failure},
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
    /// No connection: refused or unresolved.
    Connect,
    /// A connection, but no TLS on it that can be trusted.
    Tls,
    /// No answer in time.
    Timeout,
    /// The connection broke.
    Reset,
    /// An answer that is not what the call answers with.
    Malformed,
    /// An answer that is larger than any that is read.
    AnswerTooLarge,
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
    /// The engine has no such endpoint.
    NoEndpoint,
    /// There is no such namespace.
    NoNamespace,
    /// The secret is not at the version that the write was meant for.
    Conflict,
    /// The ciphertext is not one that this key decrypts here.
    Undecryptable(Unreadable),
    /// Transit has no key of this name.
    NoKey,
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
    /// The token that wraps the secret id of a login is spent, or was never Vault's.
    SecretIdSpent,
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
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Reset => "reset",
            Self::Malformed => "malformed",
            Self::AnswerTooLarge => "answer_too_large",
            Self::Redirect => "redirect",
            Self::Refused => "refused",
            Self::NothingGranted => "nothing_granted",
            Self::BadRequest => "bad_request",
            Self::NotFound => "not_found",
            Self::NoMount => "no_mount",
            Self::NoEndpoint => "no_endpoint",
            Self::NoNamespace => "no_namespace",
            Self::Conflict => "conflict",
            Self::Undecryptable(_) => "undecryptable",
            Self::NoKey => "no_key",
            Self::Initialized => "initialized",
            Self::ConfigurationOnly => "configuration_only",
            Self::LoginRefused => "login_refused",
            Self::LoginDenied => "login_denied",
            Self::SecretIdSpent => "secret_id_spent",
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

impl Failure {
    /// For people; `None` where the detail says it all.
    fn words(self) -> Option<&'static str> {
        match self {
            Self::Connect => Some("no connection to Vault"),
            Self::Tls => Some("no TLS with Vault"),
            Self::Reset => Some("the connection to Vault broke"),
            Self::Malformed => Some("Vault's answer is not understood"),
            Self::Refused => Some("Vault refuses the token that was asked about"),
            Self::NothingGranted => Some("Vault grants this token nothing"),
            Self::BadRequest => Some("the request is refused"),
            Self::NotFound => Some("there is no such thing in Vault"),
            Self::NoNamespace => Some("Vault has no namespace of the name in VAULT_NAMESPACE"),
            Self::NoMount => Some("nothing is mounted in Vault at"),
            Self::NoEndpoint => Some("the engine has no such endpoint"),
            Self::NoKey => Some("transit has no key of this name"),
            Self::AnswerTooLarge => Some("Vault's answer is larger than any that is read"),
            Self::Conflict => Some("another write came first"),
            Self::Undecryptable(_) => Some("the ciphertext cannot be decrypted"),
            Self::Initialized => Some("Vault is initialised already"),
            Self::TooLarge => Some("it is more than Vault takes at once"),
            Self::OwnToken => Some("Vault refuses the token that it is asked with"),
            Self::OwnPolicy => Some("the policies of the token do not allow it"),
            Self::LoginRefused | Self::LoginDenied => Some("Vault refuses the login"),
            Self::Throttled => Some("a quota of Vault is used up"),
            Self::StorageConflict => Some("another write came between"),
            Self::Server => Some("Vault failed"),
            Self::Timeout
            | Self::Redirect
            | Self::ConfigurationOnly
            | Self::Local
            | Self::SecretIdSpent
            | Self::Sealed => None,
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
            | Failure::AnswerTooLarge
            | Failure::Server
            | Failure::BadRequest => true,
            Failure::Connect
            | Failure::Tls
            | Failure::Redirect
            | Failure::Refused
            | Failure::NothingGranted
            | Failure::NotFound
            | Failure::NoMount
            | Failure::NoEndpoint
            | Failure::NoNamespace
            | Failure::NoKey
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
            | Failure::SecretIdSpent
            | Failure::Throttled
            | Failure::Sealed
            | Failure::StorageConflict => false,
        }
    }

    pub(crate) fn malformed(detail: &str) -> Self {
        Self::new(Failure::Malformed, detail)
    }

    /// The error of a response to this call that is not 2xx. `errors` are Vault's messages; `None`
    /// if the body is not of Vault's making, but of something in front of it.
    pub(crate) fn from_status(operation: Operation, code: u16, errors: Option<&[String]>) -> Self {
        let failure = meaning(operation, code, errors);
        let Some(errors) = errors else {
            let doubt = "which is not how Vault says no: does VAULT_ADDR lead to Vault itself, and \
                         is it http or https?";
            return Self::new(failure, format!("{code}, {doubt}"));
        };
        let errors = errors.join("; ");
        let words: String = errors.split_whitespace().collect::<Vec<_>>().join(" ");
        let words: String = words.chars().take(200).collect();
        if failure == Failure::NoMount {
            let path = words.split('"').nth(1).unwrap_or("this path");
            return Self::new(failure, format!("{path} ({code}). {MOUNTS}"));
        }
        Self::new(failure, format!("{code} {words}").trim_end().to_owned())
    }
}

/// Where mounts come from.
const MOUNTS: &str = "`vault-auth-validator bootstrap` mounts what is missing; VALIDATOR_KV_MOUNT, \
                      VALIDATOR_TRANSIT_MOUNT and VAULT_NAMESPACE say where it is looked for";

/// What is behind the error of a client, whose own words only say at which step it failed.
fn cause(error: &legacy::Error) -> String {
    let mut causes = std::iter::successors(error.source(), |cause| (*cause).source());
    match causes.next() {
        None => error.to_string(),
        Some(first) => causes.fold(first.to_string(), |words, cause| format!("{words}: {cause}")),
    }
}

/// What is wrong with TLS, and what to do about it.
fn explained(failure: &probe::Failure) -> String {
    let remedy = match failure {
        probe::Failure::Certificate(CertificateFault::Name(_)) => {
            "; VAULT_TLS_SERVER_NAME says for which name it is to be, if not for that of VAULT_ADDR"
        }
        probe::Failure::Certificate(CertificateFault::Issuer | CertificateFault::Unsupported) => {
            "; VAULT_CACERT names the authorities that are trusted, or the certificate itself"
        }
        probe::Failure::Certificate(_) => "",
        _ => "; VAULT_ADDR says http or https",
    };
    format!("{failure}{remedy}")
}

/// The error of TLS that is in this one, which need not be its source.
fn tls_error<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e rustls::Error> {
    let inner = error.downcast_ref::<io::Error>()?.get_ref()?;
    match inner.downcast_ref::<rustls::Error>() {
        Some(error) => Some(error),
        None => tls_error(inner),
    }
}

impl From<legacy::Error> for VaultError {
    fn from(error: legacy::Error) -> Self {
        let mut causes = std::iter::successors(error.source(), |cause| (*cause).source());
        if let Some(tls) = causes.find_map(tls_error) {
            return Self::new(Failure::Tls, explained(&tls_failure(tls)));
        }
        let failure = if error.is_connect() { Failure::Connect } else { Failure::Reset };
        Self::new(failure, cause(&error))
    }
}

impl From<hyper::Error> for VaultError {
    fn from(error: hyper::Error) -> Self {
        Self::new(Failure::Reset, error.to_string())
    }
}

impl fmt::Display for VaultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.failure.words() {
            Some(words) => write!(f, "{words}: {}", self.detail),
            None => f.write_str(&self.detail),
        }
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
            | Failure::SecretIdSpent
            | Failure::Local => Cause::NotReady,
            _ => Cause::Vault,
        };
        Self::new(cause, error.to_string())
    }
}

/// Without a token there is no call.
impl From<Unavailable> for VaultError {
    fn from(unavailable: Unavailable) -> Self {
        Self::new(Failure::Local, unavailable.detail.to_string())
    }
}

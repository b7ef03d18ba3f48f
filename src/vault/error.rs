use std::{error::Error, fmt};

use hyper_util::client::legacy;

use crate::token::{Cause, Unavailable};

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
    /// Vault says that the call is wrong.
    BadRequest,
    /// There is no such thing.
    NotFound,
    /// It is more than Vault takes at once.
    TooLarge,
    /// Something on this machine, before Vault was asked.
    Local,
    /// Vault refuses the token that the call is made with: the service's own, or a caller's.
    OwnToken,
    /// The token that the call is made with may not make it.
    OwnPolicy,
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
            Self::BadRequest => "bad_request",
            Self::NotFound => "not_found",
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

    pub(crate) fn malformed(detail: &str) -> Self {
        Self::new(Failure::Malformed, format!("an answer that cannot be read: {detail}"))
    }

    /// A response that is not 2xx, by its status, and by its words where the status means several
    /// things. OpenBao and Vault answer 403 alike to a caller's unknown token (`bad token`), to an
    /// own token that is no longer good (`permission denied`) and to one that lacks a policy
    /// (the same words within a longer text). What does not exist is 404 without any words; with
    /// some, the path is at fault. `None` if the body is not of Vault's making, but of something
    /// in front of it.
    pub(crate) fn from_status(code: u16, said: Option<&[String]>) -> Self {
        let errors = said.unwrap_or_default();
        let says = |words: &str| errors.iter().any(|error| error.contains(words));
        let failure = match code {
            300..=399 => Failure::Redirect,
            400 if says("illegal base64") || says("invalid token") => Failure::Refused,
            400 => Failure::BadRequest,
            403 if says("bad token") || says("invalid token") => Failure::Refused,
            403 if errors.iter().any(|error| error == "permission denied") => Failure::OwnToken,
            403 if says("permission denied") => Failure::OwnPolicy,
            404 if said.is_some_and(<[_]>::is_empty) => Failure::NotFound,
            404 if said.is_some() => Failure::BadRequest,
            413 => Failure::TooLarge,
            429 => Failure::Throttled,
            503 if says("sealed") => Failure::Sealed,
            // Raft takes entries of 1 MiB, unless it is told otherwise.
            500 if says("value being too large") => Failure::TooLarge,
            // Of OpenBao, which writes in transactions.
            500 if errors.iter().any(|error| {
                error == "1 error occurred:\n\t* transaction commit failed\n\n"
                    || error == "transaction commit failed"
            }) =>
            {
                Failure::StorageConflict
            }
            500..=599 => Failure::Server,
            _ => Failure::Malformed,
        };
        let words: String = errors.join("; ").split_whitespace().collect::<Vec<_>>().join(" ");
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
            Failure::OwnToken | Failure::OwnPolicy | Failure::Local => Cause::NotReady,
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

#[cfg(test)]
mod tests {
    use super::{Failure, VaultError};

    fn failure(code: u16, error: &str) -> Failure {
        VaultError::from_status(code, Some(&[error.to_owned()])).failure
    }

    #[test]
    fn what_does_not_exist_is_a_404_of_vaults_own_without_words() {
        assert_eq!(VaultError::from_status(404, Some(&[])).failure, Failure::NotFound);
        assert_eq!(VaultError::from_status(404, None).failure, Failure::Malformed);
        assert_eq!(VaultError::from_status(403, None).failure, Failure::Malformed);
        assert_eq!(failure(404, "no handler for route"), Failure::BadRequest);
    }

    #[test]
    fn only_vaults_explicit_word_is_a_refusal_of_the_token() {
        assert_eq!(failure(403, "bad token"), Failure::Refused);
        assert_eq!(failure(403, "invalid token"), Failure::Refused);
        assert_eq!(failure(400, "illegal base64 data at input byte 0"), Failure::Refused);
        for (code, error, expected) in [
            (403, "permission denied", Failure::OwnToken),
            (403, "1 error occurred:\n\t* permission denied\n\n", Failure::OwnPolicy),
            (403, "", Failure::Malformed),
            (400, "1 error occurred:\n\t* invalid token\n\n", Failure::Refused),
            (400, "leadership lost while committing log", Failure::BadRequest),
            (401, "bad token", Failure::Malformed),
            (429, "rate limit quota exceeded", Failure::Throttled),
            (413, "", Failure::TooLarge),
            (500, "put failed due to value being too large; got 156 bytes", Failure::TooLarge),
            (500, "1 error occurred:\n\t* transaction commit failed\n\n", Failure::StorageConflict),
            (500, "upstream: transaction commit failed, or not", Failure::Server),
            (500, "local node not active", Failure::Server),
            (503, "Vault is sealed", Failure::Sealed),
            (503, "API access to this namespace has been locked", Failure::Server),
            (307, "", Failure::Redirect),
            (200, "", Failure::Malformed),
        ] {
            assert_eq!(failure(code, error), expected, "{code} {error}");
        }
    }
}

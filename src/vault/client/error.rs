use std::{error::Error, fmt, io, iter};

use hyper_util::client::legacy;

use super::{error_messages::classify, failure::FailureKind, operation::Operation};
use crate::{
    probe::{self, CertificateError, classify_tls_error},
    token::{Unavailable, UnavailableReason},
};

/// The maximum length of Vault's own messages in an error, in characters.
const MAX_QUOTED: usize = 200;

/// The hint for a path at which nothing is mounted.
const MOUNT_HINT: &str = "Run `vault-auth-validator bootstrap` to mount what is missing, and check \
                          VALIDATOR_KV_MOUNT, VALIDATOR_TRANSIT_MOUNT and VAULT_NAMESPACE";

/// A request to Vault without a usable response.
#[derive(Clone, Debug)]
pub(crate) struct VaultError {
    pub(crate) kind: FailureKind,
    detail: String,
}

impl VaultError {
    pub(crate) fn new(failure: FailureKind, detail: impl Into<String>) -> Self {
        Self { kind: failure, detail: detail.into() }
    }

    pub(crate) fn malformed(detail: &str) -> Self {
        Self::new(FailureKind::Malformed, detail)
    }

    /// Creates the error of a response to this operation that is not 2xx. `errors` are Vault's
    /// messages; `None` if the body is not Vault's, but that of a server in front of it.
    pub(super) fn from_status(
        operation: Operation,
        status: u16,
        errors: Option<&[String]>,
    ) -> Self {
        let failure = classify(operation, status, errors);
        let Some(errors) = errors else {
            let hint = "with a body that is not Vault's: check that VAULT_ADDR leads to Vault \
                        itself, with the right scheme (http or https)";
            return Self::new(failure, format!("{status}, {hint}"));
        };
        let errors = errors.join("; ");
        let message: String = errors.split_whitespace().collect::<Vec<_>>().join(" ");
        let message: String = message.chars().take(MAX_QUOTED).collect();
        if failure == FailureKind::MountNotFound {
            let path = message.split('"').nth(1).unwrap_or("this path");
            return Self::new(failure, format!("{path} ({status}). {MOUNT_HINT}"));
        }
        Self::new(failure, format!("{status} {message}").trim_end().to_owned())
    }

    /// Returns the message without the summary of the failure.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// Returns true if a write that failed like this may have been carried out all the same.
    pub(crate) fn is_outcome_unknown(&self) -> bool {
        self.kind.leaves_write_unknown()
    }
}

impl fmt::Display for VaultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind.summary() {
            Some(summary) => write!(f, "{summary}: {}", self.detail),
            None => f.write_str(&self.detail),
        }
    }
}

impl Error for VaultError {}

impl From<legacy::Error> for VaultError {
    fn from(error: legacy::Error) -> Self {
        if let Some(tls) = causes(&error).find_map(tls_error) {
            return Self::new(FailureKind::Tls, tls_message(&classify_tls_error(tls)));
        }
        let failure = if error.is_connect() { FailureKind::Connect } else { FailureKind::Reset };
        Self::new(failure, cause_chain(&error))
    }
}

impl From<hyper::Error> for VaultError {
    fn from(error: hyper::Error) -> Self {
        Self::new(FailureKind::Reset, error.to_string())
    }
}

/// Without a token no request is sent.
impl From<Unavailable> for VaultError {
    fn from(unavailable: Unavailable) -> Self {
        Self::new(FailureKind::LocalError, unavailable.detail.to_string())
    }
}

impl From<VaultError> for Unavailable {
    fn from(error: VaultError) -> Self {
        let cause = match error.kind {
            FailureKind::Sealed => UnavailableReason::Sealed,
            FailureKind::Throttled => UnavailableReason::Throttled,
            FailureKind::TokenRejected
            | FailureKind::PermissionDenied
            | FailureKind::LoginCredentialsRejected
            | FailureKind::LoginDenied
            | FailureKind::SecretIdUnusable
            | FailureKind::LocalError => UnavailableReason::NotReady,
            // A redirect may end with a change of the leader.
            FailureKind::Tls
            | FailureKind::LoginMisconfigured
            | FailureKind::MountNotFound
            | FailureKind::EndpointNotFound
            | FailureKind::NamespaceNotFound => UnavailableReason::Misconfigured,
            _ => UnavailableReason::NoValidResponse,
        };
        Self::new(cause, error.to_string())
    }
}

/// Returns the causes of an error of the HTTP client, whose own text only names the step that
/// failed.
fn cause_chain(error: &legacy::Error) -> String {
    let chain: Vec<String> = causes(error).map(ToString::to_string).collect();
    if chain.is_empty() { error.to_string() } else { chain.join(": ") }
}

fn causes(error: &legacy::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    iter::successors(error.source(), |cause| (*cause).source())
}

/// Returns the TLS error inside of this one. It is not always a `source`.
fn tls_error<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e rustls::Error> {
    let inner = error.downcast_ref::<io::Error>()?.get_ref()?;
    match inner.downcast_ref::<rustls::Error>() {
        Some(error) => Some(error),
        None => tls_error(inner),
    }
}

/// Returns the reason for a failed TLS handshake and the setting that is likely to fix it.
fn tls_message(failure: &probe::ProbeError) -> String {
    let hint = match failure {
        probe::ProbeError::Certificate(CertificateError::NameMismatch(_)) => {
            "; set VAULT_TLS_SERVER_NAME if the certificate is for another name than the host of \
             VAULT_ADDR"
        }
        probe::ProbeError::Certificate(
            CertificateError::UnknownIssuer | CertificateError::Unsupported,
        ) => {
            "; set VAULT_CACERT to the certificate authorities that are trusted, or to the \
             certificate itself"
        }
        probe::ProbeError::Certificate(_) => "",
        _ => "; check whether VAULT_ADDR is to be http or https",
    };
    format!("{failure}{hint}")
}

#[cfg(test)]
mod tests {
    use super::{FailureKind, VaultError};
    use crate::token::{Unavailable, UnavailableReason};

    #[test]
    fn redirects_are_transient() {
        for (kind, reason) in [
            (FailureKind::Redirect, UnavailableReason::NoValidResponse),
            (FailureKind::Malformed, UnavailableReason::NoValidResponse),
            (FailureKind::ServerError, UnavailableReason::NoValidResponse),
            (FailureKind::MountNotFound, UnavailableReason::Misconfigured),
            (FailureKind::NamespaceNotFound, UnavailableReason::Misconfigured),
        ] {
            assert_eq!(Unavailable::from(VaultError::new(kind, "")).reason, reason, "{kind:?}");
        }
    }
}

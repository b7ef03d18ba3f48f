use std::{error::Error, fmt, io};

use crate::{server::listener::BindError, telemetry::DecisionLogError, vault::ClientSettingsError};

/// An error that prevents the service from starting, or ends it.
#[derive(Debug)]
pub enum RunError {
    /// An address cannot be bound.
    Bind(BindError),
    /// A certificate or a key for the connection to Vault cannot be used.
    Vault(ClientSettingsError),
    /// The certificate authorities of the operating system cannot be read, which the metadata of OAuth
    /// clients is fetched with; the reason.
    PublicDocuments(String),
    /// The decision log cannot be opened.
    DecisionLog(DecisionLogError),
    /// The audit file cannot be followed: there is no thread for it.
    AuditFile(io::Error),
    /// A background task has exited, which never happens in normal operation.
    TaskExited(&'static str),
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bind(error) => error.fmt(f),
            Self::Vault(error) => error.fmt(f),
            Self::PublicDocuments(reason) => f.write_str(reason),
            Self::DecisionLog(error) => error.fmt(f),
            Self::AuditFile(error) => write!(f, "cannot follow the audit file: {error}"),
            Self::TaskExited(task) => {
                write!(f, "{task} exited unexpectedly; please report this bug")
            }
        }
    }
}

impl Error for RunError {}

impl From<BindError> for RunError {
    fn from(error: BindError) -> Self {
        Self::Bind(error)
    }
}

impl From<ClientSettingsError> for RunError {
    fn from(error: ClientSettingsError) -> Self {
        Self::Vault(error)
    }
}

impl From<DecisionLogError> for RunError {
    fn from(error: DecisionLogError) -> Self {
        Self::DecisionLog(error)
    }
}

use std::fmt;

/// The reason why a client is not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientError {
    /// There is no client with this id.
    Unknown,
    /// The client's document is not valid; with the reason, for operators.
    DocumentInvalid(String),
    /// The client's document cannot be requested now; with the reason, for operators.
    DocumentUnavailable(String),
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("the client id is unknown"),
            Self::DocumentInvalid(reason) => write!(f, "the client's document: {reason}"),
            Self::DocumentUnavailable(reason) => {
                write!(f, "the client's document is unavailable: {reason}")
            }
        }
    }
}

impl std::error::Error for ClientError {}

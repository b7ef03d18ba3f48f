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

impl ClientError {
    /// Returns an explanation for the person who is sent by the client. It has nothing of the
    /// client's document.
    #[must_use]
    pub fn explanation(&self) -> &'static str {
        match self {
            Self::Unknown => {
                "This application is not known here. Remove the connection in the application and \
                 add it again."
            }
            Self::DocumentInvalid(_) => {
                "The application's description of itself on its website is not valid, so it cannot \
                 be connected."
            }
            Self::DocumentUnavailable(_) => {
                "The application's website does not respond, so it cannot be connected now. Try \
                 again in a minute."
            }
        }
    }
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

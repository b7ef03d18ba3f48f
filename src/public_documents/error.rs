use std::{fmt, net::IpAddr};

use http::StatusCode;

use super::{fetch::FETCH_TIMEOUT, fetch::MAX_DOCUMENT_SIZE};

/// The reason why there is no document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DocumentError {
    /// Too many requests for documents are in flight.
    Overloaded,
    /// The document did not arrive in time.
    Timeout,
    /// The host has no address.
    NoAddress(String),
    /// The host has this address, which is not public.
    PrivateAddress(IpAddr),
    /// There is no connection, or the response is not HTTP; with the reason.
    Connection(String),
    /// The response is a redirect, with this status.
    Redirect(StatusCode),
    /// The response has this status, which is not 200.
    Status(StatusCode),
    /// The content type of the response is not that of JSON.
    NotJson,
    /// The document is too large.
    TooLarge,
}

impl DocumentError {
    /// Returns true if another attempt may succeed without a change of the document's server or its
    /// DNS entries.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Overloaded | Self::Timeout | Self::NoAddress(_) | Self::Connection(_) => true,
            Self::Status(status) => {
                status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS
            }
            Self::PrivateAddress(_) | Self::Redirect(_) | Self::NotJson | Self::TooLarge => false,
        }
    }
}

impl fmt::Display for DocumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Overloaded => f.write_str("too many documents are requested at the same time"),
            Self::Timeout => {
                write!(f, "there was no response within {} s", FETCH_TIMEOUT.as_secs())
            }
            Self::NoAddress(reason) => write!(f, "the host has no address: {reason}"),
            Self::PrivateAddress(address) => write!(
                f,
                "the host has the address {address}, which is not public; \
                 VALIDATOR_OAUTH_CLIENT_NETWORKS lists networks that are allowed nevertheless"
            ),
            Self::Connection(reason) => write!(f, "no response: {reason}"),
            Self::Redirect(status) => {
                write!(f, "the response is a redirect ({}), which is not followed", status.as_u16())
            }
            Self::Status(status) => write!(f, "the response has the status {}", status.as_u16()),
            Self::NotJson => {
                f.write_str("the content type of the response is not application/json")
            }
            Self::TooLarge => write!(f, "the document has more than {MAX_DOCUMENT_SIZE} bytes"),
        }
    }
}

impl std::error::Error for DocumentError {}

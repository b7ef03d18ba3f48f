//! A client that looks closely at a server: each step of a connection on its own, the certificate,
//! and single requests as they are written, also such as no ordinary client would send.

mod clock;
mod connection;
mod tls;
mod trust;

pub use clock::now;
pub use connection::{Answer, Connection, Door};
pub use tls::{Certificate, Identity, config as tls_config, tls_failure};
pub use trust::Trust;

use std::{fmt, io, time::Duration};

/// At which step a server could not be asked, and why.
#[derive(Debug)]
pub enum Failure {
    /// Its name has no address.
    Name(io::Error),
    /// Nobody accepts a connection.
    Connect(io::Error),
    /// Nothing came within this time.
    Timeout(Duration),
    /// The server's certificate is not to be trusted.
    Certificate(CertificateFault),
    /// There is no TLS to be had there.
    Tls(String),
    /// What came is no HTTP answer, or not the whole of one.
    Http(String),
}

/// What is wrong with a server's certificate.
#[derive(Debug)]
pub enum CertificateFault {
    /// It ended then, in seconds since 1970, if that is told.
    Expired(Option<i64>),
    /// Its time has not come.
    NotYetValid,
    /// It is for others than this name.
    Name(String),
    /// Nobody who is trusted has signed it.
    Issuer,
    /// It is of a kind that no server should have: an authority's that is not itself trusted, of
    /// version 1, or with an extension that is not known here.
    Unsupported,
    /// Something else.
    Other(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(error) => write!(f, "its name has no address: {error}"),
            Self::Connect(error) => write!(f, "nobody accepts a connection: {error}"),
            Self::Timeout(limit) => {
                write!(f, "nothing came within {}", humantime::format_duration(*limit))
            }
            Self::Certificate(fault) => write!(f, "{fault}"),
            Self::Tls(why) => write!(f, "it does not speak TLS as it should: {why}"),
            Self::Http(why) => write!(f, "what came is no HTTP answer: {why}"),
        }
    }
}

impl std::error::Error for Failure {}

impl fmt::Display for CertificateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = |seconds: &i64| jiff::Timestamp::from_second(*seconds).ok();
        match self {
            Self::Expired(at) => match at.as_ref().and_then(end) {
                Some(at) => write!(f, "its certificate expired at {at}"),
                None => f.write_str("its certificate has expired"),
            },
            Self::NotYetValid => f.write_str("its certificate is not valid yet"),
            Self::Name(why) => write!(f, "its certificate is for another name: {why}"),
            Self::Issuer => f.write_str("its certificate is signed by nobody who is trusted here"),
            Self::Unsupported => f.write_str(
                "its certificate is not among those that are trusted here, and is an authority's \
                 own, as `openssl req -x509` makes it, or of a kind that is not supported",
            ),
            Self::Other(why) => write!(f, "its certificate is not to be trusted: {why}"),
        }
    }
}

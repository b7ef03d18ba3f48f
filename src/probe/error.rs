use std::{fmt, io, time::Duration};

/// The step at which a request to a server failed, and the reason.
#[derive(Debug)]
pub enum ProbeError {
    /// The host name could not be resolved.
    Resolve(io::Error),
    /// No TCP connection could be established.
    Connect(io::Error),
    /// A step took longer than this.
    Timeout(Duration),
    /// The server's certificate is not trusted.
    Certificate(CertificateError),
    /// The TLS handshake failed for another reason.
    Tls(String),
    /// The response is incomplete or not HTTP.
    Http(String),
}

/// The reason why a server's certificate is not trusted.
#[derive(Debug)]
pub enum CertificateError {
    /// The certificate expired at this time, in seconds since 1970, if that is known.
    Expired(Option<i64>),
    /// The validity period has not begun.
    NotYetValid,
    /// The certificate is for other names than the requested one.
    NameMismatch(String),
    /// No trusted authority signed the certificate.
    UnknownIssuer,
    /// The certificate is of an unsupported kind: an authority's certificate that is not itself
    /// trusted, one of version 1, or one with an unknown critical extension.
    Unsupported,
    /// Another reason.
    Other(String),
}

impl fmt::Display for ProbeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resolve(error) => write!(f, "DNS lookup failed: {error}"),
            Self::Connect(error) => write!(f, "connection failed: {error}"),
            Self::Timeout(limit) => {
                write!(f, "no response within {}", humantime::format_duration(*limit))
            }
            Self::Certificate(error) => write!(f, "{error}"),
            Self::Tls(why) => write!(f, "TLS handshake failed: {why}"),
            Self::Http(why) => write!(f, "the response is not valid HTTP: {why}"),
        }
    }
}

impl std::error::Error for ProbeError {}

impl fmt::Display for CertificateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = |seconds: &i64| jiff::Timestamp::from_second(*seconds).ok();
        match self {
            Self::Expired(at) => match at.as_ref().and_then(time) {
                Some(at) => write!(f, "the server's certificate expired at {at}"),
                None => f.write_str("the server's certificate has expired"),
            },
            Self::NotYetValid => f.write_str("the server's certificate is not valid yet"),
            Self::NameMismatch(why) => {
                write!(f, "the server's certificate is for another name: {why}")
            }
            Self::UnknownIssuer => {
                f.write_str("the server's certificate is signed by an unknown authority")
            }
            Self::Unsupported => f.write_str(
                "the server's certificate is not trusted, and is either a CA certificate, as \
                 `openssl req -x509` creates it, or of an unsupported kind",
            ),
            Self::Other(why) => write!(f, "the server's certificate is not trusted: {why}"),
        }
    }
}

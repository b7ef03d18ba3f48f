//! A diagnostic HTTP client: it reports DNS, TCP, TLS and HTTP failures separately, reads the
//! server's certificate, and sends single requests exactly as written, including requests that an
//! ordinary client would not send.

mod connection;
mod error;
mod tls;
mod trust;
mod verifier;

pub use connection::{Endpoint, ProbeConnection, ProbeResponse};
pub use error::{CertificateError, ProbeError};
pub use tls::{Certificate, ClientIdentity, classify_tls_error, tls_config};
pub use trust::TrustRoots;

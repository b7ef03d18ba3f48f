//! A diagnostic HTTP client: it reports DNS, TCP, TLS and HTTP failures separately, reads the
//! server's certificate, and sends single requests exactly as written, including requests that an
//! ordinary client would not send.

mod clock;
mod connection;
mod error;
mod tls;
mod trust;
mod verifier;

pub use clock::now;
pub use connection::{Answer, Connection, Door};
pub use error::{CertificateFault, Failure};
pub use tls::{Certificate, Identity, tls_config, tls_failure};
pub use trust::Trust;

use std::{
    fmt::Display,
    fs, io,
    path::{Path, PathBuf},
};

use rustls::{
    CertificateError, ClientConfig, Error, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use rustls_platform_verifier::BuilderVerifierExt;
use x509_cert::der::Decode;
use zeroize::Zeroizing;

use super::{CertificateFault, Failure};

/// Whose signatures on certificates count.
#[derive(Clone, Debug)]
pub enum Trust {
    /// Those of this machine's authorities.
    System,
    /// Those of the authorities in this PEM file alone.
    Only(PathBuf),
}

/// What a client shows of itself: the PEM files of a certificate chain and of its key.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The chain.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// A certificate that was found to be good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// When it ends, in seconds since 1970.
    pub not_after: i64,
}

impl Certificate {
    /// What is of interest in it; `None` if it cannot be read.
    pub(super) fn read(der: &CertificateDer<'_>) -> Option<Self> {
        let certificate = x509_cert::Certificate::from_der(der).ok()?;
        let end = certificate.tbs_certificate().validity().not_after.to_unix_duration();
        Some(Self { not_after: i64::try_from(end.as_secs()).ok()? })
    }
}

/// How a client speaks TLS: with HTTP/1.1 behind it, which shows every header as it was written.
///
/// # Errors
/// Which of the files cannot be used, and why.
pub fn config(trust: &Trust, identity: Option<&Identity>) -> Result<ClientConfig, String> {
    let builder = match trust {
        Trust::System => ClientConfig::builder()
            .with_platform_verifier()
            .map_err(|error| format!("this machine's authorities cannot be read: {error}"))?,
        Trust::Only(file) => {
            let unusable = unusable(file);
            let mut roots = RootCertStore::empty();
            for certificate in CertificateDer::pem_file_iter(file).map_err(&unusable)? {
                let added = roots.add(certificate.map_err(&unusable)?);
                added.map_err(|error| format!("{}: {error}", file.display()))?;
            }
            if roots.is_empty() {
                return Err(format!("{}: there is no PEM certificate in it", file.display()));
            }
            ClientConfig::builder().with_root_certificates(roots)
        }
    };
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some(Identity { certificate, key }) => {
            let chain = CertificateDer::pem_file_iter(certificate)
                .and_then(Iterator::collect)
                .map_err(unusable(certificate))?;
            let pem = Zeroizing::new(fs::read(key).map_err(unusable(key))?);
            let own = PrivateKeyDer::from_pem_slice(&pem).map_err(unusable(key))?;
            let config = builder.with_client_auth_cert(chain, own);
            config.map_err(|error| format!("{}: {error}", certificate.display()))?
        }
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn unusable<E: Display>(file: &Path) -> impl Fn(E) -> String {
    move |error| format!("{}: {error}", file.display())
}

/// Why a handshake failed.
pub(super) fn failure(error: &io::Error) -> Failure {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    let Some(Error::InvalidCertificate(fault)) = inner else {
        return Failure::Tls(error.to_string());
    };
    Failure::Certificate(match fault {
        CertificateError::Expired => CertificateFault::Expired(None),
        CertificateError::ExpiredContext { not_after, .. } => {
            CertificateFault::Expired(i64::try_from(not_after.as_secs()).ok())
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            CertificateFault::NotYetValid
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            CertificateFault::Name(fault.to_string())
        }
        CertificateError::UnknownIssuer => CertificateFault::Issuer,
        other => CertificateFault::Other(other.to_string()),
    })
}

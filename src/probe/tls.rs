use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    AlertDescription, ClientConfig, ConfigBuilder, Error,
    client::WantsClientCert,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use rustls_platform_verifier::BuilderVerifierExt;
use x509_cert::der::Decode;
use zeroize::Zeroizing;

use super::{
    error::{CertificateError, ProbeError},
    trust::{TrustRoots, file_error, read_directory, read_file},
    verifier::Verifier,
};

/// A client certificate: the PEM files of its chain and of its private key.
#[derive(Clone, Debug)]
pub struct ClientIdentity {
    /// The certificate chain.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// A verified server certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The end of the validity period, in seconds since 1970.
    pub not_after: i64,
}

impl Certificate {
    /// Parses a certificate; `None` if it is malformed.
    pub(super) fn parse(der: &CertificateDer<'_>) -> Option<Self> {
        let certificate = x509_cert::Certificate::from_der(der).ok()?;
        let end = certificate.tbs_certificate().validity().not_after.to_unix_duration();
        Some(Self { not_after: i64::try_from(end.as_secs()).ok()? })
    }
}

/// Returns a TLS configuration that negotiates HTTP/1.1, which preserves every header as written.
///
/// # Errors
/// The file that cannot be used, and the reason.
pub fn tls_config(
    trust: &TrustRoots,
    identity: Option<&ClientIdentity>,
) -> Result<ClientConfig, String> {
    let builder = match trust {
        TrustRoots::System => {
            ClientConfig::builder().with_platform_verifier().map_err(|error| {
                format!("cannot load the system's certificate authorities: {error}")
            })?
        }
        TrustRoots::CaFile(file) => with_certificates(read_file(file)?, file)?,
        TrustRoots::CaDirectory(folder) => with_certificates(read_directory(folder)?, folder)?,
    };
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some(ClientIdentity { certificate, key }) => {
            let chain = CertificateDer::pem_file_iter(certificate)
                .and_then(Iterator::collect)
                .map_err(file_error(certificate))?;
            let pem = Zeroizing::new(fs::read(key).map_err(file_error(key))?);
            let private_key = PrivateKeyDer::from_pem_slice(&pem).map_err(file_error(key))?;
            let config = builder.with_client_auth_cert(chain, private_key);
            config.map_err(|error| format!("{}: {error}", certificate.display()))?
        }
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// Returns a configuration that trusts only these certificates, which were read from `path`.
fn with_certificates(
    certificates: Vec<CertificateDer<'static>>,
    path: &Path,
) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, String> {
    let builder = ClientConfig::builder();
    let verifier = Verifier::new(certificates, builder.crypto_provider());
    let verifier = verifier.map_err(file_error(path))?;
    Ok(builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)))
}

/// Classifies an IO error of a TLS handshake.
pub(super) fn handshake_failure(error: &io::Error) -> ProbeError {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    inner.map_or_else(|| ProbeError::Tls(error.to_string()), classify_tls_error)
}

/// Classifies a TLS error, with messages for operators instead of those of rustls.
#[must_use]
pub fn classify_tls_error(error: &Error) -> ProbeError {
    let certificate = match error {
        Error::InvalidCertificate(certificate) => certificate,
        Error::InvalidMessage(_) => {
            return ProbeError::Tls(
                "the response is not TLS; the server may speak plain HTTP".to_owned(),
            );
        }
        Error::AlertReceived(AlertDescription::CertificateRequired) => {
            return ProbeError::Tls("the server requires a client certificate".to_owned());
        }
        other => return ProbeError::Tls(other.to_string()),
    };
    ProbeError::Certificate(certificate_error(certificate))
}

fn certificate_error(error: &rustls::CertificateError) -> CertificateError {
    use rustls::CertificateError as Rustls;

    match error {
        Rustls::Expired => CertificateError::Expired(None),
        Rustls::ExpiredContext { not_after, .. } => {
            CertificateError::Expired(i64::try_from(not_after.as_secs()).ok())
        }
        Rustls::NotValidYet | Rustls::NotValidYetContext { .. } => CertificateError::NotYetValid,
        Rustls::NotValidForName => {
            CertificateError::NameMismatch("it is not valid for the requested name".to_owned())
        }
        Rustls::NotValidForNameContext { expected, presented } => {
            CertificateError::NameMismatch(describe_names(&expected.to_str(), presented))
        }
        Rustls::UnknownIssuer => CertificateError::UnknownIssuer,
        Rustls::BadSignature => {
            CertificateError::Other("its signature is not the authority's".to_owned())
        }
        Rustls::InvalidPurpose | Rustls::InvalidPurposeContext { .. } => {
            CertificateError::Other("it is not issued for server authentication".to_owned())
        }
        // webpki's own messages for these cases are meant for programmers.
        Rustls::Other(_) => CertificateError::Unsupported,
        other => CertificateError::Other(other.to_string()),
    }
}

/// Describes the names that a certificate has and the expected one. rustls presents names in its
/// own notation, `DnsName("vault.example.com")`.
fn describe_names(expected: &str, presented: &[String]) -> String {
    let name = |name: &String| {
        let inner = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
        inner.unwrap_or(name).trim_matches('"').to_owned()
    };
    let presented: Vec<_> = presented.iter().map(name).collect();
    match presented.as_slice() {
        [] => format!("it has no subjectAltName; expected {expected}"),
        names => format!("it is for {}; expected {expected}", names.join(", ")),
    }
}

use std::{
    fmt::Display,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    AlertDescription, CertificateError, ClientConfig, ConfigBuilder, Error,
    client::WantsClientCert,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use rustls_platform_verifier::BuilderVerifierExt;
use x509_cert::der::Decode;
use zeroize::Zeroizing;

use super::{
    CertificateFault, Failure,
    trust::{Trust, Verifier, certificates, certificates_in},
};

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
        Trust::Only(file) => trusting(certificates(file)?, file)?,
        Trust::Folder(folder) => trusting(certificates_in(folder)?, folder)?,
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

/// A configuration that trusts these certificates, which come from there.
fn trusting(
    certificates: Vec<CertificateDer<'static>>,
    place: &Path,
) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, String> {
    let builder = ClientConfig::builder();
    let verifier = Verifier::new(certificates, builder.crypto_provider());
    let verifier = verifier.map_err(unusable(place))?;
    Ok(builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)))
}

pub(super) fn unusable<E: Display>(file: &Path) -> impl Fn(E) -> String {
    move |error| format!("{}: {error}", file.display())
}

/// Why a handshake failed.
pub(super) fn failure(error: &io::Error) -> Failure {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    inner.map_or_else(|| Failure::Tls(error.to_string()), tls_failure)
}

/// Why a handshake failed, in words of people rather than of the library.
#[must_use]
pub fn tls_failure(error: &Error) -> Failure {
    let fault = match error {
        Error::InvalidCertificate(fault) => fault,
        Error::InvalidMessage(_) => {
            return Failure::Tls("its answer is not TLS; it may be plain http".to_owned());
        }
        Error::AlertReceived(AlertDescription::CertificateRequired) => {
            return Failure::Tls("it wants to see a client's certificate".to_owned());
        }
        other => return Failure::Tls(other.to_string()),
    };
    Failure::Certificate(match fault {
        CertificateError::Expired => CertificateFault::Expired(None),
        CertificateError::ExpiredContext { not_after, .. } => {
            CertificateFault::Expired(i64::try_from(not_after.as_secs()).ok())
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            CertificateFault::NotYetValid
        }
        CertificateError::NotValidForName => CertificateFault::Name("not for that".to_owned()),
        CertificateError::NotValidForNameContext { expected, presented } => {
            CertificateFault::Name(names(&expected.to_str(), presented))
        }
        CertificateError::UnknownIssuer => CertificateFault::Issuer,
        CertificateError::BadSignature => {
            CertificateFault::Other("its signature is not the authority's".to_owned())
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            CertificateFault::Other("it is not made for servers".to_owned())
        }
        // What webpki has to say beyond that, it says to programmers.
        CertificateError::Other(_) => CertificateFault::Unsupported,
        other => CertificateFault::Other(other.to_string()),
    })
}

/// The name that a certificate should be for, and those that it is for. rustls has the latter in its
/// own notation, `DnsName("vault.example.com")`.
fn names(expected: &str, presented: &[String]) -> String {
    let name = |name: &String| {
        let inner = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
        inner.unwrap_or(name).trim_matches('"').to_owned()
    };
    let presented: Vec<_> = presented.iter().map(name).collect();
    match presented.as_slice() {
        [] => format!("it names none in its subjectAltName, and should name {expected}"),
        names => format!("it is for {}, and should be for {expected}", names.join(", ")),
    }
}

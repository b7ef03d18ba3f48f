use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::{
        CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
    },
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
    server::ParsedCertificate,
};
use x509_cert::{
    certificate::Version,
    der::{self, Decode, oid::db::rfc5280},
    ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage},
};

use super::tls::unusable;

/// Whose signatures on certificates count.
#[derive(Clone, Debug)]
pub enum Trust {
    /// Those of this machine's authorities.
    System,
    /// Those of the authorities in this PEM file alone.
    Only(PathBuf),
    /// Those of the authorities in the PEM files of this folder alone.
    Folder(PathBuf),
}

/// Reads the certificates of a PEM file, of which there is at least one.
pub(super) fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let found = read(file)?;
    if found.is_empty() {
        return Err(format!("{}: there is no PEM certificate in it", file.display()));
    }
    Ok(found)
}

/// Reads the certificates of all files in a folder. Files without any are passed over.
pub(super) fn certificates_in(folder: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let unreadable = unusable(folder);
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(&unreadable)? {
        let path = entry.map_err(&unreadable)?.path();
        if path.is_file() {
            found.extend(read(&path)?);
        }
    }
    if found.is_empty() {
        return Err(format!("{}: no file in it has a PEM certificate", folder.display()));
    }
    Ok(found)
}

fn read(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    CertificateDer::pem_file_iter(file).and_then(Iterator::collect).map_err(unusable(file))
}

/// Verifies a server's certificate: one that an authority among these has signed, or one that is
/// itself among them, as `openssl req -x509` makes one.
///
/// The second is what Go's TLS, and so `bao` and `vault`, accept as well. webpki refuses it, if it is
/// marked as an authority's, whatever is trusted. In turn webpki lets any trusted certificate sign
/// others, also one that is a server's alone; here only an authority's does.
#[derive(Debug)]
pub(super) struct Verifier {
    /// `None` if no certificate is an authority's.
    authorities: Option<Arc<WebPkiServerVerifier>>,
    certificates: Vec<CertificateDer<'static>>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Verifier {
    /// Trusts these certificates and no other.
    ///
    /// # Errors
    /// Which of them is none.
    pub(super) fn new(
        certificates: Vec<CertificateDer<'static>>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        for certificate in &certificates {
            if signs_others(certificate).map_err(|error| error.to_string())? {
                roots.add(certificate.clone()).map_err(|error| error.to_string())?;
            }
        }
        let authorities = (!roots.is_empty()).then(|| {
            let provider = Arc::clone(provider);
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build()
        });
        Ok(Self {
            authorities: authorities.transpose().map_err(|error| error.to_string())?,
            certificates,
            algorithms: provider.signature_verification_algorithms,
        })
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.certificates.iter().any(|trusted| trusted.as_ref() == end_entity.as_ref()) {
            return verify_trusted(end_entity, name, now);
        }
        let Some(authorities) = &self.authorities else {
            return Err(CertificateError::UnknownIssuer.into());
        };
        authorities.verify_server_cert(end_entity, intermediates, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Returns true if a certificate may sign others (RFC 5280, 4.2.1.3 and 4.2.1.9). One of version 1
/// cannot say that, and may if it is trusted.
fn signs_others(certificate: &CertificateDer<'_>) -> Result<bool, der::Error> {
    let parsed = x509_cert::Certificate::from_der(certificate)?;
    let fields = parsed.tbs_certificate();
    let constraints = fields.get_extension::<BasicConstraints>()?;
    let is_authority =
        constraints.map_or(fields.version() == Version::V1, |(_, constraints)| constraints.ca);
    let usage = fields.get_extension::<KeyUsage>()?;
    Ok(is_authority && usage.is_none_or(|(_, usage)| usage.key_cert_sign()))
}

/// Verifies all of a certificate but its signature, which its being trusted byte for byte stands for:
/// its time, its purpose and its names.
fn verify_trusted(
    certificate: &CertificateDer<'_>,
    name: &ServerName<'_>,
    now: UnixTime,
) -> Result<ServerCertVerified, Error> {
    let parsed = x509_cert::Certificate::from_der(certificate)
        .map_err(|_| Error::from(CertificateError::BadEncoding))?;
    let fields = parsed.tbs_certificate();
    let validity = fields.validity();
    if now.as_secs() < validity.not_before.to_unix_duration().as_secs() {
        return Err(CertificateError::NotValidYet.into());
    }
    let not_after = validity.not_after.to_unix_duration().as_secs();
    if now.as_secs() > not_after {
        let not_after = UnixTime::since_unix_epoch(std::time::Duration::from_secs(not_after));
        return Err(CertificateError::ExpiredContext { time: now, not_after }.into());
    }
    let usage = fields.get_extension::<ExtendedKeyUsage>();
    let usage = usage.map_err(|_| Error::from(CertificateError::BadEncoding))?;
    let serves = |purposes: &ExtendedKeyUsage| {
        let wanted = [rfc5280::ID_KP_SERVER_AUTH, rfc5280::ANY_EXTENDED_KEY_USAGE];
        purposes.0.iter().any(|purpose| wanted.contains(purpose))
    };
    if usage.is_some_and(|(_, purposes)| !serves(&purposes)) {
        return Err(CertificateError::InvalidPurpose.into());
    }
    verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
    Ok(ServerCertVerified::assertion())
}

#[cfg(test)]
mod tests;

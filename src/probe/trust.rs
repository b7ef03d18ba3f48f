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
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
    server::ParsedCertificate,
};
use x509_cert::{
    der::{Decode, oid::db::rfc5280},
    ext::pkix::ExtendedKeyUsage,
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
/// marked as an authority's, whatever is trusted.
#[derive(Debug)]
pub(super) struct Verifier {
    authorities: Arc<WebPkiServerVerifier>,
    certificates: Vec<CertificateDer<'static>>,
}

impl Verifier {
    /// Trusts these certificates and no other.
    ///
    /// # Errors
    /// Which of them is none.
    pub(super) fn new(certificates: Vec<CertificateDer<'static>>) -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        for certificate in &certificates {
            roots.add(certificate.clone()).map_err(|error| error.to_string())?;
        }
        let authorities = WebPkiServerVerifier::builder(Arc::new(roots)).build();
        Ok(Self { authorities: authorities.map_err(|error| error.to_string())?, certificates })
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
        self.authorities.verify_server_cert(end_entity, intermediates, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.authorities.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.authorities.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.authorities.supported_verify_schemes()
    }
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

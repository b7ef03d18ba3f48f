use std::sync::Arc;

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
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::ParsedCertificate,
};
use x509_cert::{
    certificate::Version,
    der::{self, Decode, oid::db::rfc5280},
    ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage},
};

/// A certificate verifier that accepts a server certificate if a trusted authority signed it, or if
/// it is itself one of the trusted certificates, as `openssl req -x509` makes one.
///
/// Go's TLS, and so `bao` and `vault`, accepts the latter as well. webpki rejects such a
/// certificate if it is marked as an authority's, whatever is trusted. On the other hand, webpki
/// accepts any trusted certificate as an issuer, even one that is only a server's; this verifier
/// accepts only those of authorities.
#[derive(Debug)]
pub(super) struct Verifier {
    /// `None` if none of the trusted certificates is an authority's.
    authorities: Option<Arc<WebPkiServerVerifier>>,
    certificates: Vec<CertificateDer<'static>>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Verifier {
    /// Creates a verifier that trusts only these certificates.
    ///
    /// # Errors
    /// A malformed certificate.
    pub(super) fn new(
        certificates: Vec<CertificateDer<'static>>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        for certificate in &certificates {
            if can_sign_certificates(certificate).map_err(|error| error.to_string())? {
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

/// Returns true if a certificate may sign others (RFC 5280, 4.2.1.3 and 4.2.1.9). A certificate of
/// version 1 has no extensions to express that, and may if it is trusted.
fn can_sign_certificates(certificate: &CertificateDer<'_>) -> Result<bool, der::Error> {
    let parsed = x509_cert::Certificate::from_der(certificate)?;
    let fields = parsed.tbs_certificate();
    let constraints = fields.get_extension::<BasicConstraints>()?;
    let is_authority =
        constraints.map_or(fields.version() == Version::V1, |(_, constraints)| constraints.ca);
    let usage = fields.get_extension::<KeyUsage>()?;
    Ok(is_authority && usage.is_none_or(|(_, usage)| usage.key_cert_sign()))
}

/// Verifies the validity period, purpose and names of a certificate that equals a trusted one byte
/// for byte, so that its signature needs no verification.
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
    let is_for_servers = |purposes: &ExtendedKeyUsage| {
        let wanted = [rfc5280::ID_KP_SERVER_AUTH, rfc5280::ANY_EXTENDED_KEY_USAGE];
        purposes.0.iter().any(|purpose| wanted.contains(purpose))
    };
    if usage.is_some_and(|(_, purposes)| !is_for_servers(&purposes)) {
        return Err(CertificateError::InvalidPurpose.into());
    }
    verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
    Ok(ServerCertVerified::assertion())
}

#[cfg(test)]
mod tests;

//! In-memory handshakes with servers that present different certificates, in TLS 1.2 and 1.3.

use std::{sync::Arc, time::Duration};

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::{
    ClientConfig, ClientConnection, ServerConfig, ServerConnection, SupportedProtocolVersion,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime},
    sign::{CertifiedKey, SingleCertAndKey},
    time_provider::TimeProvider,
    version::{TLS12, TLS13},
};

use super::Verifier;

const NAME: &str = "vault.example.com";

/// A clock that stands still, in February 2026. Errors state the time of the verification, so those
/// of two handshakes would differ if a second passed between them.
#[derive(Debug)]
struct FixedTime;

impl TimeProvider for FixedTime {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_secs(1_770_000_001)))
    }
}

const AUTHORITY: IsCa = IsCa::Ca(BasicConstraints::Unconstrained);

fn key() -> KeyPair {
    KeyPair::generate().expect("a key")
}

fn params(name: &str, is_ca: IsCa) -> CertificateParams {
    let mut params = CertificateParams::new([name.to_owned()]).expect("a name");
    params.distinguished_name.push(DnType::CommonName, "vault");
    params.is_ca = is_ca;
    (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(4000, 1, 1));
    params
}

fn self_signed(params: &CertificateParams, key: &KeyPair) -> Certificate {
    params.self_signed(key).expect("a certificate")
}

/// Returns a server certificate that is signed with the issuer's key.
fn issued(
    params: &CertificateParams,
    key: &KeyPair,
    issuer: (&CertificateParams, &KeyPair),
) -> Certificate {
    let issuer = Issuer::from_params(issuer.0, issuer.1);
    params.signed_by(key, &issuer).expect("a certificate")
}

/// Performs a handshake in both TLS versions with a server that presents this chain and signs with
/// this key. Returns the result, which is the same for both versions.
fn connect(trusted: &[&Certificate], chain: &[&Certificate], key: &KeyPair) -> Result<(), String> {
    let outcomes = [&TLS12, &TLS13].map(|version| handshake(trusted, chain, key, version));
    let [old, new] = outcomes.map(|outcome| outcome.map_err(|error| error.to_string()));
    assert_eq!(old, new, "in TLS 1.2 and 1.3");
    new
}

fn handshake(
    trusted: &[&Certificate],
    chain: &[&Certificate],
    key: &KeyPair,
    version: &'static SupportedProtocolVersion,
) -> Result<(), rustls::Error> {
    let der = |certificates: &[&Certificate]| -> Vec<CertificateDer<'static>> {
        certificates.iter().map(|certificate| certificate.der().clone()).collect()
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let client = ClientConfig::builder_with_details(provider, Arc::new(FixedTime))
        .with_safe_default_protocol_versions()
        .expect("versions");
    let verifier = Verifier::new(der(trusted), client.crypto_provider()).expect("certificates");
    let client = client.dangerous();
    let client = client.with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth();
    let server = ServerConfig::builder_with_protocol_versions(&[version]).with_no_client_auth();
    let provider = Arc::clone(server.crypto_provider());
    let private = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
    let private = provider.key_provider.load_private_key(private).expect("a key");
    // Unlike `with_single_cert`, this accepts a key that does not match the certificate.
    let resolver = SingleCertAndKey::from(CertifiedKey::new(der(chain), private));
    let server = server.with_cert_resolver(Arc::new(resolver));

    let name = ServerName::try_from(NAME).expect("a name");
    let mut client = ClientConnection::new(Arc::new(client), name).expect("a client");
    let mut server = ServerConnection::new(Arc::new(server)).expect("a server");
    while client.is_handshaking() {
        let mut sent = Vec::new();
        client.write_tls(&mut sent).expect("bytes");
        server.read_tls(&mut sent.as_slice()).expect("bytes");
        server.process_new_packets().expect("a valid client message");
        let mut reply = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut reply).expect("bytes");
        }
        let mut reply = reply.as_slice();
        while !reply.is_empty() {
            client.read_tls(&mut reply).expect("bytes");
            client.process_new_packets()?;
        }
    }
    Ok(())
}

fn assert_rejected(outcome: Result<(), String>, words: &str) {
    let error = outcome.expect_err(words);
    assert!(error.contains(words), "`{error}` does not contain `{words}`");
}

#[test]
fn pinned_certificate_requires_its_key() {
    for is_ca in [AUTHORITY, IsCa::ExplicitNoCa, IsCa::NoCa] {
        let own = key();
        let certificate = self_signed(&params(NAME, is_ca), &own);
        assert_eq!(connect(&[&certificate], &[&certificate], &own), Ok(()));
        assert_rejected(connect(&[&certificate], &[&certificate], &key()), "BadSignature");
    }
}

#[test]
fn unpinned_certificate_is_rejected() {
    let (own, other) = (key(), key());
    let trusted = self_signed(&params(NAME, AUTHORITY), &own);
    let twin = self_signed(&params(NAME, AUTHORITY), &other);
    let leaf = issued(&params(NAME, IsCa::NoCa), &own, (&params(NAME, AUTHORITY), &other));
    for (chain, signer) in [
        (&[&twin][..], &other),
        (&[&twin, &trusted], &other),
        (&[&leaf, &twin], &own),
        (&[&leaf, &trusted], &own),
        (&[&leaf, &trusted, &twin], &own),
        (&[&leaf, &twin, &trusted], &own),
    ] {
        assert!(connect(&[&trusted], chain, signer).is_err(), "{}", chain.len());
    }
}

#[test]
fn only_authorities_can_issue() {
    let mut signs_nothing = params(NAME, AUTHORITY);
    signs_nothing.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let of_a_server = [params(NAME, IsCa::ExplicitNoCa), params(NAME, IsCa::NoCa), signs_nothing];
    let leaf = params(NAME, IsCa::NoCa);
    for pinned in of_a_server {
        let (own, other) = (key(), key());
        let trusted = self_signed(&pinned, &own);
        let made_with_it = issued(&leaf, &other, (&pinned, &own));
        assert_rejected(connect(&[&trusted], &[&made_with_it], &other), "UnknownIssuer");
        assert_rejected(connect(&[&trusted], &[&made_with_it, &trusted], &other), "UnknownIssuer");
    }
    let mut signs = params("authority.example.com", AUTHORITY);
    for usages in [vec![], vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign]] {
        signs.key_usages = usages;
        let (own, other) = (key(), key());
        let trusted = self_signed(&signs, &own);
        let made_with_it = issued(&leaf, &other, (&signs, &own));
        assert_eq!(connect(&[&trusted], &[&made_with_it], &other), Ok(()));
    }
}

#[test]
fn issued_certificate_is_verified() {
    let (authority, own) = (key(), key());
    let issuer_params = params("authority.example.com", AUTHORITY);
    let trusted = self_signed(&issuer_params, &authority);
    let leaf = || params(NAME, IsCa::NoCa);
    let (mut expired, mut early, mut clients) = (leaf(), leaf(), leaf());
    expired.not_after = date_time_ymd(2024, 1, 1);
    early.not_before = date_time_ymd(3999, 1, 1);
    clients.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    for (params, words) in [
        (expired, "expired"),
        (early, "not valid yet"),
        (clients, "extended key usage"),
        (params("other.example.com", IsCa::NoCa), "not valid for name"),
    ] {
        let leaf = issued(&params, &own, (&issuer_params, &authority));
        assert_rejected(connect(&[&trusted], &[&leaf], &own), words);
    }
}

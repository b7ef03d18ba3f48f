//! Handshakes in memory with servers that show one certificate or another, in both versions of TLS.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::{
    ClientConfig, ClientConnection, ServerConfig, ServerConnection, SupportedProtocolVersion,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName},
    sign::{CertifiedKey, SingleCertAndKey},
    version::{TLS12, TLS13},
};

use super::Verifier;

const NAME: &str = "vault.example.com";

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

/// A server's certificate that this key signed in the name of that certificate.
fn issued(
    params: &CertificateParams,
    key: &KeyPair,
    by: (&CertificateParams, &KeyPair),
) -> Certificate {
    let issuer = Issuer::from_params(by.0, by.1);
    params.signed_by(key, &issuer).expect("a certificate")
}

/// The outcome of a handshake, which is the same in both versions of TLS, with a server that shows
/// this chain and signs with this key.
fn shakes_hands(
    trusted: &[&Certificate],
    chain: &[&Certificate],
    key: &KeyPair,
) -> Result<(), String> {
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
    let client = ClientConfig::builder();
    let verifier = Verifier::new(der(trusted), client.crypto_provider()).expect("certificates");
    let client = client.dangerous();
    let client = client.with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth();
    let server = ServerConfig::builder_with_protocol_versions(&[version]).with_no_client_auth();
    let provider = Arc::clone(server.crypto_provider());
    let private = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
    let private = provider.key_provider.load_private_key(private).expect("a key");
    // It does not mind a key that is not the certificate's.
    let shown = SingleCertAndKey::from(CertifiedKey::new(der(chain), private));
    let server = server.with_cert_resolver(Arc::new(shown));

    let name = ServerName::try_from(NAME).expect("a name");
    let mut client = ClientConnection::new(Arc::new(client), name).expect("a client");
    let mut server = ServerConnection::new(Arc::new(server)).expect("a server");
    while client.is_handshaking() {
        let mut sent = Vec::new();
        client.write_tls(&mut sent).expect("bytes");
        server.read_tls(&mut sent.as_slice()).expect("bytes");
        server.process_new_packets().expect("a client as it should be");
        let mut answered = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut answered).expect("bytes");
        }
        let mut answered = answered.as_slice();
        while !answered.is_empty() {
            client.read_tls(&mut answered).expect("bytes");
            client.process_new_packets()?;
        }
    }
    Ok(())
}

fn refused(outcome: Result<(), String>, words: &str) {
    let error = outcome.expect_err(words);
    assert!(error.contains(words), "{error}, and not {words}");
}

#[test]
fn pinned_certificate_takes_its_own_key() {
    for is_ca in [AUTHORITY, IsCa::ExplicitNoCa, IsCa::NoCa] {
        let own = key();
        let certificate = self_signed(&params(NAME, is_ca), &own);
        assert_eq!(shakes_hands(&[&certificate], &[&certificate], &own), Ok(()));
        refused(shakes_hands(&[&certificate], &[&certificate], &key()), "BadSignature");
    }
}

#[test]
fn certificate_beside_the_pinned_one_is_refused() {
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
        assert!(shakes_hands(&[&trusted], chain, signer).is_err(), "{}", chain.len());
    }
}

#[test]
fn certificate_signs_others_only_if_it_is_an_authoritys() {
    let mut signs_nothing = params(NAME, AUTHORITY);
    signs_nothing.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let of_a_server = [params(NAME, IsCa::ExplicitNoCa), params(NAME, IsCa::NoCa), signs_nothing];
    let leaf = params(NAME, IsCa::NoCa);
    for pinned in of_a_server {
        let (own, other) = (key(), key());
        let trusted = self_signed(&pinned, &own);
        let made_with_it = issued(&leaf, &other, (&pinned, &own));
        refused(shakes_hands(&[&trusted], &[&made_with_it], &other), "UnknownIssuer");
        refused(shakes_hands(&[&trusted], &[&made_with_it, &trusted], &other), "UnknownIssuer");
    }
    let mut signs = params("authority.example.com", AUTHORITY);
    for usages in [vec![], vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign]] {
        signs.key_usages = usages;
        let (own, other) = (key(), key());
        let trusted = self_signed(&signs, &own);
        let made_with_it = issued(&leaf, &other, (&signs, &own));
        assert_eq!(shakes_hands(&[&trusted], &[&made_with_it], &other), Ok(()));
    }
}

#[test]
fn certificate_of_a_trusted_authority_has_to_be_good_itself() {
    let (authority, own) = (key(), key());
    let by = params("authority.example.com", AUTHORITY);
    let trusted = self_signed(&by, &authority);
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
        let leaf = issued(&params, &own, (&by, &authority));
        refused(shakes_hands(&[&trusted], &[&leaf], &own), words);
    }
}

//! A certificate for https on this machine, without an authority.

use std::{
    fs,
    path::{Path, PathBuf},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    PublicKeyData,
};
use ring::digest::{SHA256, digest};
use tempfile::TempDir;

/// A self-signed certificate with its key.
pub struct Leaf {
    names: Vec<String>,
    pem: String,
    spki_hash: String,
    dir: TempDir,
}

impl Leaf {
    /// Creates a certificate for these names. In one with a `*`, that is the first label.
    ///
    /// # Panics
    /// If one is no DNS name.
    pub fn new(names: &[&str]) -> Self {
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(names.clone()).expect("names");
        let pem = params.self_signed(&key).expect("a certificate").pem();
        let hash = digest(&SHA256, &key.subject_public_key_info());
        let spki_hash = BASE64_STANDARD.encode(hash);
        let dir = tempfile::tempdir().expect("a temporary directory");
        let leaf = Self { names, pem, spki_hash, dir };
        fs::write(leaf.certificate(), &leaf.pem).expect("the certificate's file");
        fs::write(leaf.key(), key.serialize_pem()).expect("the key's file");
        leaf
    }

    /// The names that it is for.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The certificate in PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// The path of its file in PEM.
    pub fn certificate(&self) -> PathBuf {
        self.path("tls.crt")
    }

    /// The path of its key in PEM.
    pub fn key(&self) -> PathBuf {
        self.path("tls.key")
    }

    /// The SHA-256 of its `SubjectPublicKeyInfo` in base64, by which a browser can be configured to
    /// trust it.
    pub fn spki_hash(&self) -> &str {
        &self.spki_hash
    }

    fn path(&self, name: &str) -> PathBuf {
        Path::join(self.dir.path(), name)
    }
}

/// A certificate authority.
pub struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// Creates an authority with a new key.
    ///
    /// # Panics
    /// If there is no randomness.
    pub fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    /// The certificate in PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Issues a certificate for servers and clients at this name or address; returns it and its key in PEM.
    ///
    /// # Panics
    /// If it is neither.
    pub fn issue(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        (certificate.pem(), key.serialize_pem())
    }
}

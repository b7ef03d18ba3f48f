use std::{fmt, path::PathBuf, str::FromStr, time::Duration};

use reqwest::{Certificate, Identity};
use url::Url;
use zeroize::Zeroizing;

/// Where Vault is and how to reach it.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The origin of its API, without a path.
    pub address: Url,
    /// The namespace that tokens are looked up in; the root namespace if `None`.
    pub namespace: Option<Namespace>,
    /// PEM certificates of the only authorities that are trusted, instead of the system's.
    pub ca_cert: Option<PathBuf>,
    /// What this service shows of itself in the TLS handshake.
    pub client_cert: Option<ClientCertificate>,
    /// The longest that one call, and the whole lookup of a token, may take.
    pub timeout: Duration,
}

/// A TLS client certificate.
#[derive(Clone, Debug)]
pub struct ClientCertificate {
    /// The file with the PEM certificate chain.
    pub certificate: PathBuf,
    /// The file with its PEM private key.
    pub key: PathBuf,
}

/// The path of a Vault namespace, without slashes at its ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespace(String);

impl Namespace {
    /// The path as text, without slashes at its ends.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Namespace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let path = text.trim_matches('/');
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let name =
            |part: &str| !matches!(part, "" | "." | ".." | "root") && part.bytes().all(plain);
        path.split('/')
            .all(name)
            .then(|| Self(path.to_owned()))
            .ok_or_else(|| "it is not the path of a namespace, such as `team/dev`".to_owned())
    }
}

/// Why a client cannot be built from its settings. Every one is a file to mend.
#[derive(Debug)]
pub struct SettingsError(pub(super) String);

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SettingsError {}

/// The certificates in this file.
pub(super) fn certificates(file: &PathBuf) -> Result<Vec<Certificate>, SettingsError> {
    let unusable = |why: &dyn fmt::Display| {
        SettingsError(format!("the CA certificates in {} cannot be used: {why}", file.display()))
    };
    let pem = std::fs::read(file).map_err(|error| unusable(&error))?;
    let certificates = Certificate::from_pem_bundle(&pem).map_err(|error| unusable(&error))?;
    if certificates.is_empty() {
        return Err(unusable(&"there is no PEM certificate in it"));
    }
    Ok(certificates)
}

/// What this certificate and its key show in a TLS handshake.
pub(super) fn identity(pair: &ClientCertificate) -> Result<Identity, SettingsError> {
    let unusable = |file: &PathBuf, why: &dyn fmt::Display| {
        SettingsError(format!("the client certificate's {} cannot be used: {why}", file.display()))
    };
    let mut pem = Zeroizing::new(Vec::new());
    for file in [&pair.key, &pair.certificate] {
        pem.extend(std::fs::read(file).map_err(|error| unusable(file, &error))?);
        pem.push(b'\n');
    }
    Identity::from_pem(&pem).map_err(|error| unusable(&pair.certificate, &error))
}

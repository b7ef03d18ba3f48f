use std::{fmt, path::PathBuf, str::FromStr, time::Duration};

use url::Url;

use crate::probe::{Identity, Trust};

/// Where Vault is and how to reach it.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The origin of its API, without a path.
    pub address: Url,
    /// The namespace that tokens are looked up in; the root namespace if `None`.
    pub namespace: Option<Namespace>,
    /// The authorities whose certificates are trusted.
    pub trust: Trust,
    /// The name that its certificate is for, if that is not the host of its address.
    pub server_name: Option<String>,
    /// What this service shows of itself in the TLS handshake.
    pub client_cert: Option<ClientCertificate>,
    /// The longest that one call, and the whole lookup of a token, may take.
    pub timeout: Duration,
}

impl Settings {
    /// Whom to believe in a TLS handshake, and what to show of this service.
    pub(super) fn tls(&self) -> (Trust, Option<Identity>) {
        let identity = self.client_cert.clone();
        let identity =
            identity.map(|ClientCertificate { certificate, key }| Identity { certificate, key });
        (self.trust.clone(), identity)
    }

    /// The name that its certificate has to be for.
    pub(super) fn name(&self) -> &str {
        self.server_name.as_deref().or(self.address.host_str()).unwrap_or_default()
    }
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

impl Namespace {
    /// Reads the path of a namespace; `None` for `/` and `root`, which name the root namespace.
    ///
    /// # Errors
    /// The form that it should have.
    pub fn parse(text: &str) -> Result<Option<Self>, String> {
        match text.trim_matches('/') {
            "" | "root" => Ok(None),
            path => path.parse().map(Some),
        }
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
            .ok_or_else(|| "it is not the path of a namespace, such as `team/dev`; `root` or `/` is the root namespace".to_owned())
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

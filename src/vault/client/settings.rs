use std::{fmt, path::PathBuf, str::FromStr, time::Duration};

use url::Url;

use crate::probe::{ClientIdentity, TrustRoots};

/// The address of Vault and the parameters of the connection.
#[derive(Clone, Debug)]
pub struct ClientSettings {
    /// The origin of the API, without a path.
    pub address: Url,
    /// The namespace that tokens are looked up in; `None` for the root namespace.
    pub namespace: Option<Namespace>,
    /// The trusted certificate authorities.
    pub trust: TrustRoots,
    /// The name that the server's certificate is for, if it is not the host of the address.
    pub server_name: Option<String>,
    /// The client certificate of the TLS handshake.
    pub client_cert: Option<ClientCertificate>,
    /// The timeout of one request, and of the whole lookup of a token.
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

/// A client could not be built from its settings, because of a file.
#[derive(Debug)]
pub struct ClientSettingsError(pub(super) String);

impl ClientSettings {
    /// Returns the trusted authorities and the client certificate for the TLS handshake.
    pub(in crate::vault) fn tls_identity(&self) -> (TrustRoots, Option<ClientIdentity>) {
        let identity = self.client_cert.clone();
        let identity = identity
            .map(|ClientCertificate { certificate, key }| ClientIdentity { certificate, key });
        (self.trust.clone(), identity)
    }

    /// Returns the name that the server's certificate has to be for.
    pub(in crate::vault) fn tls_server_name(&self) -> &str {
        self.server_name.as_deref().or(self.address.host_str()).unwrap_or_default()
    }
}

impl Namespace {
    /// Returns the path, without slashes at its ends.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Parses the path of a namespace; `None` for `/` and `root`, which name the root namespace.
    ///
    /// # Errors
    /// The expected form.
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
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let is_name =
            |part: &str| !matches!(part, "" | "." | ".." | "root") && part.bytes().all(is_allowed);
        path.split('/')
            .all(is_name)
            .then(|| Self(path.to_owned()))
            .ok_or_else(|| "it is not the path of a namespace, such as `team/dev`; `root` or `/` is the root namespace".to_owned())
    }
}

impl fmt::Display for ClientSettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ClientSettingsError {}

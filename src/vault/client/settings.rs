use std::{fmt, path::PathBuf, str::FromStr, time::Duration};

use url::Url;

use crate::probe::{ClientIdentity, TrustRoots};

/// The number of parts of the timeout of a request. With several addresses, one part is the time
/// within which a connection has to be established, and after which another address is asked as well.
pub(super) const HEDGE_PARTS: u32 = 4;

/// The addresses of Vault and the parameters of the connection.
#[derive(Clone, Debug)]
pub struct ClientSettings {
    /// The origins of the API, without paths.
    pub addresses: VaultAddresses,
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

/// The addresses of the nodes of one Vault, or of load balancers in front of them: one or more, each
/// once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VaultAddresses {
    first: Url,
    others: Vec<Url>,
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

    /// Returns the name that the certificate of the server at the first address has to be for.
    pub(in crate::vault) fn tls_server_name(&self) -> &str {
        let host = self.addresses.first().host_str();
        self.server_name.as_deref().or(host).unwrap_or_default()
    }

    /// Returns these settings with the first address alone, for what concerns a single node.
    #[must_use]
    pub fn with_first_address(&self) -> Self {
        self.with_address(self.addresses.first())
    }

    /// Returns these settings for each address alone.
    pub fn for_each_address(&self) -> impl Iterator<Item = Self> {
        self.addresses.iter().map(|address| self.with_address(address))
    }

    fn with_address(&self, address: &Url) -> Self {
        Self { addresses: address.clone().into(), ..self.clone() }
    }

    /// Returns the timeout of a connection. With several addresses it leaves time for the others.
    pub(super) fn connect_timeout(&self) -> Duration {
        let parts = if self.addresses.others.is_empty() { 1 } else { HEDGE_PARTS };
        self.timeout / parts
    }
}

impl VaultAddresses {
    /// Creates the list of these addresses.
    ///
    /// # Errors
    /// The reason why it is none: it is empty, or has an address twice.
    pub fn new(addresses: Vec<Url>) -> Result<Self, String> {
        for (index, address) in addresses.iter().enumerate() {
            let origin = address.origin();
            if addresses[..index].iter().any(|earlier| earlier.origin() == origin) {
                return Err(format!("contains {} twice", origin.ascii_serialization()));
            }
        }
        let mut addresses = addresses.into_iter();
        let first = addresses.next().ok_or_else(|| "contains no address".to_owned())?;
        Ok(Self { first, others: addresses.collect() })
    }

    /// Returns the first address.
    #[must_use]
    pub fn first(&self) -> &Url {
        &self.first
    }

    /// Returns the addresses, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &Url> {
        std::iter::once(&self.first).chain(&self.others)
    }
}

impl From<Url> for VaultAddresses {
    fn from(first: Url) -> Self {
        Self { first, others: Vec::new() }
    }
}

/// Displays the origins.
impl fmt::Display for VaultAddresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.first.origin().ascii_serialization())?;
        self.others
            .iter()
            .try_for_each(|address| write!(f, ", {}", address.origin().ascii_serialization()))
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

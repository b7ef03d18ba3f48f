use std::{
    collections::{BTreeMap, HashMap},
    fmt,
};

use rustify_derive::Endpoint;
use serde::{Deserialize, de::IgnoredAny};
use vaultrs::api::token::requests::LookupTokenSelfRequest;

use super::{Desk, key_rotation::RotationData, nameable};
use crate::{
    tenants::KeyRotation,
    vault::{
        Session,
        error::{Failure, VaultError},
        questions::{CapabilitiesData, CapabilitiesRequest},
    },
};

/// Looks at what there is in Vault, and changes nothing.
pub struct Examiner<'s> {
    desk: Desk<'s>,
}

/// Why something could not be found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Untold {
    /// The token has no right to know.
    NotAllowed(String),
    /// Vault did not answer, or not so that it can be understood.
    Failed(String),
}

/// What Vault says of the token that is asked with.
#[derive(Clone, Debug, Deserialize)]
pub struct TokenRecord {
    #[serde(default)]
    policies: Option<Vec<String>>,
    #[serde(default)]
    identity_policies: Option<Vec<String>>,
    /// For how many seconds it lives on.
    pub ttl: u64,
    /// How many seconds each renewal brings, for ever; none if `None`.
    pub period: Option<u64>,
    /// Whether its life can be prolonged.
    #[serde(default)]
    pub renewable: bool,
    /// Null for a token that never ends.
    expire_time: Option<IgnoredAny>,
}

/// Something that is mounted.
#[derive(Clone, Debug, Deserialize)]
pub struct Mount {
    /// What kind of engine or method it is.
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    options: Option<HashMap<String, String>>,
}

/// A transit key, as far as it matters how it was made.
#[expect(clippy::struct_excessive_bools, reason = "as Vault has them")]
#[derive(Clone, Debug, Deserialize)]
pub struct Key {
    /// Whether a key of its own is derived for each context.
    #[serde(default)]
    pub derived: bool,
    /// Whether equal plaintexts have equal ciphertexts. Said of derived keys alone.
    #[serde(default)]
    pub convergent_encryption: bool,
    /// Whether it can be read.
    #[serde(default)]
    pub exportable: bool,
    /// Whether it can be read in a backup.
    #[serde(default)]
    pub allow_plaintext_backup: bool,
    /// Whether it can be deleted as it is.
    #[serde(default)]
    pub deletion_allowed: bool,
    latest_version: u64,
    #[serde(flatten)]
    rotation: RotationData,
}

#[derive(Endpoint)]
#[endpoint(path = "sys/{self.kind}", method = "GET")]
struct ListRequest {
    #[endpoint(skip)]
    kind: &'static str,
}

#[derive(Endpoint)]
#[endpoint(path = "{self.mount}/keys", method = "LIST")]
struct ListKeysRequest {
    #[endpoint(skip)]
    mount: String,
}

#[derive(Deserialize)]
struct Names {
    keys: Vec<String>,
}

/// vaultrs does not tell all that is of interest.
#[derive(Endpoint)]
#[endpoint(path = "{self.mount}/keys/{self.name}", method = "GET")]
struct ReadKeyRequest {
    #[endpoint(skip)]
    mount: String,
    #[endpoint(skip)]
    name: String,
}

/// Policies `default` and `validator` each grant one of the two ways to ask.
#[derive(Endpoint)]
#[endpoint(path = "sys/capabilities-self", method = "POST")]
struct OwnCapabilitiesRequest {
    paths: Vec<String>,
}

impl TokenRecord {
    /// Its policies, those of its entity among them.
    pub fn policies(&self) -> impl Iterator<Item = &str> {
        self.policies.iter().chain(&self.identity_policies).flatten().map(String::as_str)
    }

    /// Whether its life has an end.
    #[must_use]
    pub fn ends(&self) -> bool {
        self.expire_time.is_some()
    }
}

impl Mount {
    /// The version of a KV engine.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        self.options.as_ref()?.get("version").map(String::as_str)
    }
}

impl Key {
    /// Its past and future rotations.
    ///
    /// # Errors
    /// [`Untold`] if it does not say when its latest version was made.
    pub fn rotation(&self) -> Result<KeyRotation, Untold> {
        Ok(self.rotation.read(self.latest_version)?)
    }
}

impl<'s> Examiner<'s> {
    /// Looks with this session's token.
    #[must_use]
    pub fn new(session: &'s Session) -> Self {
        Self { desk: Desk { session } }
    }

    /// What the token is.
    ///
    /// # Errors
    /// [`Untold`]
    pub async fn token(&self) -> Result<TokenRecord, Untold> {
        Ok(self.desk.data(LookupTokenSelfRequest::default()).await?)
    }

    /// What the token is granted on each of these paths, in Vault's words and in their order.
    ///
    /// # Errors
    /// [`Untold`]
    pub async fn granted(&self, paths: &[String]) -> Result<Vec<Vec<String>>, Untold> {
        let request = OwnCapabilitiesRequest { paths: paths.to_vec() };
        let words: CapabilitiesData = match self.desk.data(request).await {
            Err(error) if error.failure == Failure::OwnPolicy => self.asked_by_name(paths).await?,
            answer => answer?,
        };
        let on = |path: &String| words.get(path).cloned();
        let granted: Option<Vec<_>> = paths.iter().map(on).collect();
        granted.ok_or_else(|| VaultError::malformed("a path is missing").into())
    }

    async fn asked_by_name(&self, paths: &[String]) -> Result<CapabilitiesData, VaultError> {
        let own = self.desk.session.token().await?;
        let token = own.as_presented().expose().to_owned();
        self.desk.data(CapabilitiesRequest { token, paths: paths.to_vec() }).await
    }

    /// The secrets engines, by their paths with a slash at the end.
    ///
    /// # Errors
    /// [`Untold`]
    pub async fn mounts(&self) -> Result<BTreeMap<String, Mount>, Untold> {
        Ok(self.desk.data(ListRequest { kind: "mounts" }).await?)
    }

    /// The ways to log in, by their paths with a slash at the end.
    ///
    /// # Errors
    /// [`Untold`]
    pub async fn auth_methods(&self) -> Result<BTreeMap<String, Mount>, Untold> {
        Ok(self.desk.data(ListRequest { kind: "auth" }).await?)
    }

    /// Where it is written down who asked for what, by path.
    ///
    /// # Errors
    /// [`Untold`]
    pub async fn audit_devices(&self) -> Result<BTreeMap<String, Mount>, Untold> {
        Ok(self.desk.data(ListRequest { kind: "audit" }).await?)
    }

    /// The names of the keys of a transit engine.
    ///
    /// # Errors
    /// [`Untold`]
    pub async fn keys(&self, mount: &str) -> Result<Vec<String>, Untold> {
        let names: Result<Names, _> =
            self.desk.data(ListKeysRequest { mount: mount.to_owned() }).await;
        match names {
            Ok(names) => Ok(names.keys),
            Err(error) if error.failure == Failure::NotFound => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }

    /// A key of a transit engine.
    ///
    /// # Errors
    /// [`Untold`]
    pub async fn key(&self, mount: &str, name: &str) -> Result<Key, Untold> {
        let request = ReadKeyRequest { mount: mount.to_owned(), name: nameable(name)? };
        Ok(self.desk.data(request).await?)
    }
}

impl From<VaultError> for Untold {
    fn from(error: VaultError) -> Self {
        match error.failure {
            Failure::OwnPolicy | Failure::OwnToken => Self::NotAllowed(error.detail().to_owned()),
            _ => Self::Failed(error.to_string()),
        }
    }
}

impl fmt::Display for Untold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::NotAllowed(why) | Self::Failed(why)) = self;
        f.write_str(why)
    }
}

impl std::error::Error for Untold {}

use jiff::Timestamp;

use crate::secrets::{SecretData, SecretName, SecretState, SecretVersion, VersionInfo, WriteKind};

/// A decrypted version of a secret.
#[derive(Debug)]
pub struct DecryptedSecret {
    /// The number of the version.
    pub version: SecretVersion,
    /// The time of the write, by Vault's clock.
    pub created_at: Timestamp,
    /// The version of the tenant's key that it was encrypted with.
    pub key_version: u64,
    /// The plaintext.
    pub data: SecretData,
}

/// The result of writing a version.
#[derive(Clone, Copy, Debug)]
pub struct WriteResult {
    /// The number of the new version.
    pub version: SecretVersion,
    /// The time of the write, by Vault's clock.
    pub created_at: Timestamp,
    /// The version of the tenant's key that it was encrypted with.
    pub key_version: u64,
    /// The effect on the secret.
    pub kind: WriteKind,
}

/// The result of restoring a deleted version.
#[derive(Clone, Copy, Debug)]
pub struct UndeleteResult {
    /// The version, which is live.
    pub version: VersionInfo,
    /// The latest version of the secret, which may be another.
    pub latest: SecretVersion,
    /// The effect of the call.
    pub effect: UndeleteEffect,
}

/// The effect of an idempotent call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UndeleteEffect {
    /// The requested state was established.
    Restored,
    /// The requested state existed before the call.
    Unchanged,
}

/// A page of a tenant's list of secrets, in alphabetical order.
#[derive(Clone, Debug)]
pub struct ListPage {
    /// The secrets, including deleted ones.
    pub secrets: Vec<SecretSummary>,
    /// The name after which the next page starts; `None` for the last page.
    pub next: Option<SecretName>,
}

/// An item of a tenant's list of secrets.
#[derive(Clone, Debug)]
pub struct SecretSummary {
    /// The name of the secret.
    pub name: SecretName,
    /// The latest version of the secret.
    pub state: SecretState,
}

use std::fmt;

use crate::{
    secrets::{MissingKeyError, SecretVersion, WriteConflict},
    token::Unavailable,
};

/// The error of an operation on a secret.
#[derive(Clone, Debug)]
pub enum SecretError {
    /// The secret does not exist.
    NotFound,
    /// The secret exists, but this version of it does not.
    VersionNotFound {
        /// The requested version.
        version: SecretVersion,
        /// The latest version.
        latest: SecretVersion,
    },
    /// A key that was to be removed does not exist. Nothing was written.
    FieldNotFound(MissingKeyError),
    /// This version was deleted. It may be possible to restore it.
    Deleted(SecretVersion),
    /// This version was destroyed irreversibly.
    Destroyed(SecretVersion),
    /// The precondition of the write does not hold, or another write came first. Nothing was
    /// written.
    Conflict,
    /// The tenant has no key: it was never created, or was shredded.
    KeyMissing,
    /// The tenant's key has unsuitable settings, and is not used.
    KeyUnusable(UnusableKey),
    /// The mount is not KV version 2, and nothing is written to it.
    MountNotVersioned,
    /// The stored record is not a secret of this path.
    Unreadable(RecordError),
    /// Another process has acquired the lease on the rotation.
    LeaseLost,
    /// A version of the key was created during a rotation by a client without the lease. That
    /// version may exist in Vault's memory only.
    UnstoredKeyVersion,
    /// The secret is larger than Vault accepts.
    TooLarge,
    /// The token has no permission for this.
    PermissionDenied,
    /// Vault rejects the token.
    TokenRejected,
    /// Vault is unavailable. Nothing was changed.
    Unavailable(Unavailable),
    /// The response to a change was not received or could not be read. The change was made as a
    /// whole, or not at all.
    OutcomeUnknown(Unavailable),
}

/// An unsuitable setting of a tenant's key. It cannot be changed after the key was created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnusableKey {
    /// The key does not bind a ciphertext to its path.
    NotDerived,
    /// Equal secrets have equal ciphertexts.
    Convergent,
}

/// The reason why a stored record cannot be decrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordError {
    /// The record does not have the format of this program.
    Format,
    /// The ciphertext was made for another path or with another key, or was modified.
    WrongContext,
    /// The version of the key is below `min_decryption_version`.
    KeyVersionRetired,
    /// The tenant's key does not have this version: the key was recreated, or Vault never stored
    /// the version.
    KeyVersionMissing,
}

impl SecretError {
    /// Returns true if other operations with the same token would fail alike.
    #[must_use]
    pub fn affects_whole_tenant(&self) -> bool {
        matches!(
            self,
            Self::KeyMissing
                | Self::KeyUnusable(_)
                | Self::MountNotVersioned
                | Self::LeaseLost
                | Self::PermissionDenied
                | Self::TokenRejected
                | Self::Unavailable(_)
                | Self::OutcomeUnknown(_)
        )
    }
}

impl fmt::Display for SecretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("there is no such secret"),
            Self::VersionNotFound { version, latest } => {
                write!(f, "there is no version {version}; the latest is {latest}")
            }
            Self::FieldNotFound(absent) => write!(f, "{absent}; nothing was written"),
            Self::Deleted(version) => write!(f, "version {version} was deleted"),
            Self::Destroyed(version) => write!(f, "version {version} was destroyed"),
            Self::Conflict => f.write_str(
                "the precondition does not hold, or another write came first; nothing was written",
            ),
            Self::KeyMissing => f.write_str("the tenant has no key in Vault's transit engine"),
            Self::KeyUnusable(fault) => fault.fmt(f),
            Self::UnstoredKeyVersion => f.write_str(
                "it is encrypted with a version of the key that another client created during this \
                 rotation; run the rotation again",
            ),
            Self::MountNotVersioned => f.write_str(
                "the mount for secrets is not KV version 2, and nothing is written to it",
            ),
            Self::Unreadable(why) => why.fmt(f),
            Self::LeaseLost => {
                f.write_str("another rotation of the tenant has begun, and this one has stopped")
            }
            Self::TooLarge => f.write_str("the secret is larger than Vault accepts"),
            Self::PermissionDenied => f.write_str("Vault does not grant the token this"),
            Self::TokenRejected => f.write_str("Vault refuses the token"),
            Self::Unavailable(unavailable) | Self::OutcomeUnknown(unavailable) => {
                f.write_str(&unavailable.detail)
            }
        }
    }
}

impl std::error::Error for SecretError {}

impl fmt::Display for UnusableKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotDerived => {
                "the tenant's key is not derived, so that it would not bind a secret to its path; \
                 create one with `derived=true`"
            }
            Self::Convergent => {
                "the tenant's key is convergent, so that equal secrets would have equal \
                 ciphertexts; create one without `convergent_encryption`"
            }
        })
    }
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Format => "the stored record was not written by this program",
            Self::WrongContext => {
                "the stored record was encrypted for another path or with another key"
            }
            Self::KeyVersionRetired => {
                "the stored record was encrypted with a version of the key that is below \
                 min_decryption_version"
            }
            Self::KeyVersionMissing => {
                "the stored record was encrypted with a version that the key does not have: the key \
                 was recreated, or Vault lost the version before it was stored"
            }
        })
    }
}

impl From<MissingKeyError> for SecretError {
    fn from(absent: MissingKeyError) -> Self {
        Self::FieldNotFound(absent)
    }
}

impl From<WriteConflict> for SecretError {
    fn from(_: WriteConflict) -> Self {
        Self::Conflict
    }
}

impl From<RecordError> for SecretError {
    fn from(why: RecordError) -> Self {
        Self::Unreadable(why)
    }
}

impl From<Unavailable> for SecretError {
    fn from(unavailable: Unavailable) -> Self {
        Self::Unavailable(unavailable)
    }
}

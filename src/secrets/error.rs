use std::fmt;

use crate::{
    secrets::{AbsentKey, Conflict, Version},
    token::Unavailable,
};

/// The error of an operation on a secret.
#[derive(Clone, Debug)]
pub enum SecretError {
    /// The secret does not exist.
    Absent,
    /// The secret exists, but this version of it does not.
    VersionAbsent {
        /// The requested version.
        version: Version,
        /// The latest version.
        latest: Version,
    },
    /// A key that was to be removed does not exist. Nothing was written.
    KeyAbsent(AbsentKey),
    /// This version was deleted. It may be possible to restore it.
    Deleted(Version),
    /// This version was destroyed irreversibly.
    Destroyed(Version),
    /// The precondition of the write does not hold, or another write came first. Nothing was
    /// written.
    Conflict,
    /// The tenant has no key: it was never created, or was shredded.
    KeyMissing,
    /// The tenant's key has unsuitable settings, and is not used.
    KeyUnfit(KeyFault),
    /// The mount is not KV version 2, and nothing is written to it.
    MountUnfit,
    /// The stored record is not a secret of this path.
    Unreadable(Unreadable),
    /// Another process has acquired the lease on the rotation.
    LeaseLost,
    /// A version of the key was created during a rotation by a client without the lease. That
    /// version may exist in Vault's memory only.
    KeyAhead,
    /// The secret is larger than Vault accepts.
    TooLarge,
    /// The token has no permission for this.
    Denied,
    /// Vault rejects the token.
    TokenRefused,
    /// Vault is unavailable. Nothing was changed.
    Unavailable(Unavailable),
    /// The response to a change was not received or could not be read. The change was made as a
    /// whole, or not at all.
    Unsettled(Unavailable),
}

/// An unsuitable setting of a tenant's key. It cannot be changed after the key was created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFault {
    /// The key does not bind a ciphertext to its path.
    NotDerived,
    /// Equal secrets have equal ciphertexts.
    Convergent,
}

/// The reason why a stored record cannot be decrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// The record does not have the format of this program.
    Format,
    /// The ciphertext was made for another path or with another key, or was modified.
    Elsewhere,
    /// The version of the key is below `min_decryption_version`.
    KeyTooOld,
    /// The tenant's key does not have this version: the key was recreated, or Vault never stored
    /// the version.
    KeyGone,
}

impl SecretError {
    /// Returns true if other operations with the same token would fail alike.
    #[must_use]
    pub fn is_of_all(&self) -> bool {
        matches!(
            self,
            Self::KeyMissing
                | Self::KeyUnfit(_)
                | Self::MountUnfit
                | Self::LeaseLost
                | Self::Denied
                | Self::TokenRefused
                | Self::Unavailable(_)
                | Self::Unsettled(_)
        )
    }
}

impl fmt::Display for SecretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("there is no such secret"),
            Self::VersionAbsent { version, latest } => {
                write!(f, "there is no version {version}; the latest is {latest}")
            }
            Self::KeyAbsent(absent) => write!(f, "{absent}; nothing was written"),
            Self::Deleted(version) => write!(f, "version {version} was deleted"),
            Self::Destroyed(version) => write!(f, "version {version} was destroyed"),
            Self::Conflict => f.write_str(
                "the precondition does not hold, or another write came first; nothing was written",
            ),
            Self::KeyMissing => f.write_str("the tenant has no key in Vault's transit engine"),
            Self::KeyUnfit(fault) => fault.fmt(f),
            Self::KeyAhead => f.write_str(
                "it is encrypted with a version of the key that another client created during this \
                 rotation; run the rotation again",
            ),
            Self::MountUnfit => f.write_str(
                "the mount for secrets is not KV version 2, and nothing is written to it",
            ),
            Self::Unreadable(why) => why.fmt(f),
            Self::LeaseLost => {
                f.write_str("another rotation of the tenant has begun, and this one has stopped")
            }
            Self::TooLarge => f.write_str("the secret is larger than Vault accepts"),
            Self::Denied => f.write_str("Vault does not grant the token this"),
            Self::TokenRefused => f.write_str("Vault refuses the token"),
            Self::Unavailable(unavailable) | Self::Unsettled(unavailable) => {
                f.write_str(&unavailable.detail)
            }
        }
    }
}

impl std::error::Error for SecretError {}

impl fmt::Display for KeyFault {
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

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Format => "the stored record was not written by this program",
            Self::Elsewhere => {
                "the stored record was encrypted for another path or with another key"
            }
            Self::KeyTooOld => {
                "the stored record was encrypted with a version of the key that is below \
                 min_decryption_version"
            }
            Self::KeyGone => {
                "the stored record was encrypted with a version that the key does not have: the key \
                 was recreated, or Vault lost the version before it was stored"
            }
        })
    }
}

impl From<AbsentKey> for SecretError {
    fn from(absent: AbsentKey) -> Self {
        Self::KeyAbsent(absent)
    }
}

impl From<Conflict> for SecretError {
    fn from(_: Conflict) -> Self {
        Self::Conflict
    }
}

impl From<Unreadable> for SecretError {
    fn from(why: Unreadable) -> Self {
        Self::Unreadable(why)
    }
}

impl From<Unavailable> for SecretError {
    fn from(unavailable: Unavailable) -> Self {
        Self::Unavailable(unavailable)
    }
}

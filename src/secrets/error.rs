use std::fmt;

use crate::{
    secrets::{AbsentKey, Conflict, Version},
    token::Unavailable,
};

/// Why there is no secret to give, or none was written.
#[derive(Clone, Debug)]
pub enum SecretError {
    /// There is none of this name.
    Absent,
    /// There is a secret of this name, without this version.
    VersionAbsent {
        /// The version that was asked for.
        version: Version,
        /// The latest that there is.
        latest: Version,
    },
    /// A key that was to be taken out is not there. Nothing was written.
    KeyAbsent(AbsentKey),
    /// This version was deleted. Vault may still be able to bring it back.
    Deleted(Version),
    /// This version was destroyed.
    Destroyed(Version),
    /// The secret is not in the state that the write was meant for. Nothing was written.
    Conflict,
    /// The tenant has no key: it was never made, or was shredded.
    KeyMissing,
    /// The tenant's key is not made as it should be, and is not used.
    KeyUnfit(KeyFault),
    /// The mount is not KV version 2, and nothing is written to it.
    MountUnfit,
    /// What is kept in this place is not a secret of this place.
    Unreadable(Unreadable),
    /// Another rotation of the tenant has begun meanwhile.
    LeaseLost,
    /// The key was given a version during a rotation by something that holds no lease. That may be
    /// in Vault's memory alone.
    KeyAhead,
    /// Vault does not take as much at once.
    TooLarge,
    /// Vault does not grant the token this.
    Denied,
    /// Vault does not take the token at all.
    TokenRefused,
    /// Vault's word could not be had. Nothing was changed.
    Unavailable(Unavailable),
    /// Vault was told to change something, and its answer did not come or could not be read. The
    /// change was made whole, or not at all.
    Unsettled(Unavailable),
}

/// What is wrong with a tenant's key. It stays so: a key cannot be changed in these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFault {
    /// It does not bind a ciphertext to its place.
    NotDerived,
    /// Equal secrets have equal ciphertexts.
    Convergent,
}

/// Why a record is not a secret of the place where it was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// It is none that this program writes.
    Format,
    /// It was encrypted for another place, or with another key, or was changed.
    Elsewhere,
    /// The version of the key that it was encrypted with is no longer allowed.
    KeyTooOld,
    /// The tenant's key has no such version: it is another one than it was, or a version that
    /// encrypted was never stored.
    KeyGone,
}

impl SecretError {
    /// Whether it concerns whatever else would be asked for with the same token.
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
                "it is not, or no longer, in the state that this was meant for; nothing was written",
            ),
            Self::KeyMissing => f.write_str("the tenant has no key in Vault's transit engine"),
            Self::KeyUnfit(fault) => fault.fmt(f),
            Self::KeyAhead => f.write_str(
                "it is encrypted with a version of the key that something else made during this \
                 rotation; run it again",
            ),
            Self::MountUnfit => f.write_str(
                "the mount for secrets is not KV version 2, and nothing is written to it",
            ),
            Self::Unreadable(why) => why.fmt(f),
            Self::LeaseLost => f.write_str(
                "another rotation of the tenant has begun meanwhile, and this one has stopped",
            ),
            Self::TooLarge => f.write_str("Vault does not take a secret of this size"),
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
                "the tenant's key is not derived, so that it would not bind a secret to its \
                 place; make one with `derived=true`"
            }
            Self::Convergent => {
                "the tenant's key is convergent, so that equal secrets would have equal \
                 ciphertexts; make one without `convergent_encryption`"
            }
        })
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Format => "what is kept here was not written by this service",
            Self::Elsewhere => {
                "what is kept here was encrypted for another place or with another key"
            }
            Self::KeyTooOld => {
                "what is kept here was encrypted with a version of the key that Vault no longer \
                 lets decrypt"
            }
            Self::KeyGone => {
                "what is kept here was encrypted with a version that the key does not have: the key \
                 was made anew, or Vault lost the version before it was stored"
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

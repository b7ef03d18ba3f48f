use std::fmt;

use jiff::Timestamp;

use crate::secrets::{LeaseHolder, SecretError};

/// The reason why a rotation was not completed.
#[derive(Clone, Debug)]
pub enum RotationError {
    /// Another process holds the lease.
    LeaseHeld(LeaseHolder),
    /// The caller stopped the rotation.
    Stopped,
    /// A call to Vault failed.
    Secret(SecretError),
    /// The key's `min_encryption_version` is this older version, and Vault would refuse to raise
    /// `min_decryption_version` above it. Nothing was changed.
    MinEncryptionVersion(u64),
    /// The creation time of the key's latest version is not one that Vault can have assigned by its
    /// clock.
    InvalidKeyDate {
        /// The creation time, in seconds since 1970.
        created: i64,
        /// The present time by Vault's clock.
        now: Timestamp,
    },
}

impl fmt::Display for RotationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LeaseHeld(holder) => write!(f, "it is being rotated by {holder}"),
            Self::Stopped => f.write_str("stopped by a signal"),
            Self::Secret(error) => error.fmt(f),
            Self::MinEncryptionVersion(version) => write!(
                f,
                "min_encryption_version of its key is {version}, and Vault does not raise \
                 min_decryption_version above it; nothing was done"
            ),
            Self::InvalidKeyDate { created, now } => {
                let created = Timestamp::from_second(*created)
                    .map_or_else(|_| format!("second {created}"), |created| created.to_string());
                write!(
                    f,
                    "its key was created at {created}, but Vault's clock is at {now}, so the age of the \
                     key is unknown. Correct the clocks of Vault's nodes, and run `tenants rotate` for \
                     it by name"
                )
            }
        }
    }
}

impl std::error::Error for RotationError {}

impl From<SecretError> for RotationError {
    fn from(error: SecretError) -> Self {
        Self::Secret(error)
    }
}

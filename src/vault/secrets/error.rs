//! Errors of Vault as errors of secrets.

use crate::{
    secrets::SecretError,
    vault::client::{FailureKind, VaultError},
};

impl SecretError {
    /// Converts the error of a call that changes something: the change may have been made if no
    /// response denies it.
    pub(super) fn of_change(error: VaultError) -> Self {
        let unsettled = error.is_outcome_unknown();
        match Self::from(error) {
            Self::Unavailable(unavailable) if unsettled => Self::OutcomeUnknown(unavailable),
            settled => settled,
        }
    }
}

impl From<VaultError> for SecretError {
    /// Converts the error of any call.
    fn from(error: VaultError) -> Self {
        match error.kind {
            FailureKind::TokenNotFound | FailureKind::TokenRejected => Self::TokenRejected,
            FailureKind::PermissionDenied => Self::PermissionDenied,
            FailureKind::NotFound => Self::NotFound,
            FailureKind::EntryTooLarge => Self::TooLarge,
            FailureKind::VersionConflict => Self::Conflict,
            FailureKind::KeyNotFound => Self::KeyMissing,
            FailureKind::DecryptionFailed(why) => Self::Unreadable(why),
            _ => Self::Unavailable(error.into()),
        }
    }
}

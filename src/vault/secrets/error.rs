//! Errors of Vault as errors of secrets.

use crate::{
    secrets::SecretError,
    vault::client::{Failure, VaultError},
};

impl SecretError {
    /// Converts the error of a call that changes something: the change may have been made if no
    /// response denies it.
    pub(super) fn of_change(error: VaultError) -> Self {
        let unsettled = error.is_unsettled();
        match Self::from(error) {
            Self::Unavailable(unavailable) if unsettled => Self::Unsettled(unavailable),
            settled => settled,
        }
    }
}

impl From<VaultError> for SecretError {
    /// Converts the error of any call.
    fn from(error: VaultError) -> Self {
        match error.failure {
            Failure::Refused | Failure::OwnToken => Self::TokenRefused,
            Failure::OwnPolicy => Self::Denied,
            Failure::NotFound => Self::Absent,
            Failure::TooLarge => Self::TooLarge,
            Failure::Conflict => Self::Conflict,
            Failure::NoKey => Self::KeyMissing,
            Failure::Undecryptable(why) => Self::Unreadable(why),
            _ => Self::Unavailable(error.into()),
        }
    }
}

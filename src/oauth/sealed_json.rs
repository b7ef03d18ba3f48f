//! Sealed data in JSON.

use jiff::SignedDuration;
use serde::{Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use crate::{
    sealed::{KeyRing, Purpose, SealError, UnsealError},
    wall_clock::now,
};

/// Seals data for a time.
///
/// # Errors
/// [`SealError`]
pub(super) fn seal(
    keys: &KeyRing,
    purpose: Purpose,
    audience: &str,
    lifetime: SignedDuration,
    data: &impl Serialize,
) -> Result<String, SealError> {
    let data = serde_json::to_vec(data).map(Zeroizing::new).map_err(|_| SealError)?;
    keys.seal(purpose, audience, now() + lifetime, &data)
}

/// Unseals data.
///
/// # Errors
/// [`UnsealError`]
pub(super) fn unseal<T: DeserializeOwned>(
    keys: &KeyRing,
    purpose: Purpose,
    audience: &str,
    text: &str,
) -> Result<T, UnsealError> {
    let data = keys.unseal(purpose, audience, now(), text)?;
    serde_json::from_slice(&data).map_err(|_| UnsealError::Malformed)
}

//! Sealed data in JSON.

use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use super::{KeyRing, Purpose, SealError, UnsealError};

impl KeyRing {
    /// Seals data in JSON, as [`KeyRing::seal`] does.
    ///
    /// # Errors
    /// [`SealError`], also for data that JSON cannot represent.
    pub fn seal_json(
        &self,
        purpose: Purpose,
        audience: &str,
        expiry: Timestamp,
        data: &impl Serialize,
    ) -> Result<String, SealError> {
        let data = serde_json::to_vec(data).map(Zeroizing::new).map_err(|_| SealError)?;
        self.seal(purpose, audience, expiry, &data)
    }

    /// Returns the data that [`KeyRing::seal_json`] has sealed.
    ///
    /// # Errors
    /// [`UnsealError`]
    pub fn unseal_json<T: DeserializeOwned>(
        &self,
        purpose: Purpose,
        audience: &str,
        now: Timestamp,
        text: &str,
    ) -> Result<T, UnsealError> {
        let data = self.unseal(purpose, audience, now, text)?;
        serde_json::from_slice(&data).map_err(|_| UnsealError::Malformed)
    }
}

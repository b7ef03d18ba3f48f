//! Vault's clock. It decides which versions are deleted; the clock of this machine may differ by
//! hours.

use jiff::Timestamp;
use serde::Deserialize;
use tokio::sync::OnceCell;

use crate::{
    token::Unavailable,
    vault::{
        api::sys::health::health,
        client::{Client, VaultError},
    },
};

/// Vault's clock, for one response: read when it is first needed, and only once.
pub(super) struct VaultClock<'c> {
    client: &'c Client,
    time: OnceCell<VaultTime>,
}

/// The time on Vault's clock when it was read, to the second.
#[derive(Clone, Copy, Debug)]
struct VaultTime {
    /// The end of the current second.
    end: Timestamp,
}

/// The `deletion_time` of a secret's version: when it was deleted, or will be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Option<String>")]
pub(super) struct DeletionTime(Option<Timestamp>);

impl<'c> VaultClock<'c> {
    pub(super) fn new(client: &'c Client) -> Self {
        Self { client, time: OnceCell::new() }
    }

    /// Returns the time at which a version with this deletion time was deleted by Vault's clock;
    /// `None` if it is not deleted. Vault's time is requested only if there is a deletion time.
    ///
    /// # Errors
    /// [`VaultError`] if Vault does not report its time.
    pub(super) async fn deleted_at(
        &self,
        deletion: DeletionTime,
    ) -> Result<Option<Timestamp>, VaultError> {
        let Some(deletion) = deletion.0 else { return Ok(None) };
        let now = self.time.get_or_try_init(async || VaultTime::request(self.client).await).await?;
        Ok(now.is_after(deletion).then_some(deletion))
    }
}

/// Returns the time on the clock of the server that responds, in whole seconds.
///
/// # Errors
/// [`Unavailable`] if it does not report its time.
pub async fn server_time(client: &Client) -> Result<Timestamp, Unavailable> {
    Ok(request_time(client).await?)
}

/// Requests Vault's time. `sys/health` needs no token and has the time in its body; the `Date` header
/// may be that of a proxy.
async fn request_time(client: &Client) -> Result<Timestamp, VaultError> {
    let seconds = health(client).await?.server_time_utc;
    let time = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
    time.filter(|time| time.as_second() > 0).ok_or_else(invalid_time)
}

fn invalid_time() -> VaultError {
    VaultError::malformed("server_time_utc is missing or not a time")
}

impl VaultTime {
    async fn request(client: &Client) -> Result<Self, VaultError> {
        Self::from_second(request_time(client).await?.as_second()).ok_or_else(invalid_time)
    }

    fn from_second(second: i64) -> Option<Self> {
        let end = Timestamp::from_second(second.checked_add(1)?).ok()?;
        Some(Self { end })
    }

    /// Returns true if this moment is past. A moment within the current second is, so that a version
    /// that was deleted just now is not taken for a live one.
    fn is_after(self, moment: Timestamp) -> bool {
        moment < self.end
    }
}

impl TryFrom<Option<String>> for DeletionTime {
    type Error = jiff::Error;

    /// Parses a time; an empty string, which Vault sends for none, is `None`.
    fn try_from(text: Option<String>) -> Result<Self, jiff::Error> {
        let text = text.filter(|text| !text.is_empty());
        text.map(|text| text.parse()).transpose().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::{DeletionTime, VaultTime};

    fn deletion(json: &str) -> Result<DeletionTime, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn current_second_counts_as_past() {
        let now = VaultTime::from_second(1_795_816_644).expect("2026-11-27T21:57:24Z");
        for (moment, past) in [
            ("2026-11-27T21:57:23Z", true),
            ("2026-11-27T21:57:24.999999999Z", true),
            ("2026-11-27T21:57:25Z", false),
            ("2026-11-27T22:57:24Z", false),
            ("2026-11-28T00:57:24+03:00", true),
        ] {
            let DeletionTime(time) = deletion(&format!("\"{moment}\"")).expect("a time");
            assert_eq!(time.map(|time| now.is_after(time)), Some(past), "{moment}");
        }
        assert!(VaultTime::from_second(i64::MAX).is_none());
    }

    #[test]
    fn malformed_deletion_time_is_an_error() {
        for none in ["null", r#""""#] {
            assert_eq!(deletion(none).expect("none"), DeletionTime::default());
        }
        for garbage in [r#""soon""#, r#"" ""#, "0", r#""2026-11-27""#] {
            assert!(deletion(garbage).is_err(), "{garbage}");
        }
    }
}

//! Vault's clock. It decides what is deleted and what is not; this machine's may differ by hours.

use jiff::Timestamp;
use serde::Deserialize;
use tokio::sync::OnceCell;

use crate::{
    token::Unavailable,
    vault::{Client, call::Call, client::Operation, error::VaultError},
};

/// Vault's clock, for one answer: read when it is first needed, and not again.
pub(super) struct VaultClock<'c> {
    client: &'c Client,
    time: OnceCell<VaultTime>,
}

/// The time on Vault's clock when it was read, known to the second.
#[derive(Clone, Copy, Debug)]
struct VaultTime {
    /// The first moment that had certainly not come.
    end: Timestamp,
}

/// The `deletion_time` of a secret's version: when it was deleted, or will be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Option<String>")]
pub(super) struct DeletionTime(Option<Timestamp>);

#[derive(Deserialize)]
struct ServerTime {
    /// In seconds since 1970.
    server_time_utc: i64,
}

impl<'c> VaultClock<'c> {
    pub(super) fn new(client: &'c Client) -> Self {
        Self { client, time: OnceCell::new() }
    }

    /// Returns the time at which a version with this deletion time was deleted, as Vault takes it;
    /// `None` if it is live. Vault is asked for its time only if there is a deletion time.
    ///
    /// # Errors
    /// [`VaultError`] if Vault does not tell the time.
    pub(super) async fn passed(
        &self,
        deletion: DeletionTime,
    ) -> Result<Option<Timestamp>, VaultError> {
        let Some(deletion) = deletion.0 else { return Ok(None) };
        let now = self.time.get_or_try_init(async || VaultTime::ask(self.client).await).await?;
        Ok(now.is_after(deletion).then_some(deletion))
    }
}

/// Returns the time by the clock of the server that answers, in whole seconds.
///
/// # Errors
/// [`Unavailable`] if it does not say.
pub async fn server_time(client: &Client) -> Result<Timestamp, Unavailable> {
    Ok(ask(client).await?)
}

/// Asks Vault for its time. `sys/health` needs no token and has the time in its body; the `Date`
/// header may be that of a proxy in between.
async fn ask(client: &Client) -> Result<Timestamp, VaultError> {
    let standbys_too = [("standbyok", "true"), ("perfstandbyok", "true")];
    let call = Call::get("sys/health").with_query(&standbys_too);
    let ServerTime { server_time_utc } = client.server(Operation::Health, &call).await?;
    let time = Timestamp::from_second(server_time_utc).ok().filter(|time| time.as_second() > 0);
    time.ok_or_else(|| VaultError::malformed("server_time_utc is no time"))
}

impl VaultTime {
    async fn ask(client: &Client) -> Result<Self, VaultError> {
        Self::from_second(ask(client).await?.as_second())
            .ok_or_else(|| VaultError::malformed("server_time_utc is no time"))
    }

    fn from_second(second: i64) -> Option<Self> {
        let end = Timestamp::from_second(second.checked_add(1)?).ok()?;
        Some(Self { end })
    }

    /// Returns whether this moment is past. One within the present second counts, so that what was
    /// deleted just now is not taken for live.
    fn is_after(self, moment: Timestamp) -> bool {
        moment < self.end
    }
}

impl TryFrom<Option<String>> for DeletionTime {
    type Error = jiff::Error;

    /// Vault writes an empty string where there is none.
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
    fn moment_is_past_from_the_second_on_in_which_it_is() {
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
    fn time_that_cannot_be_read_is_not_taken_for_none() {
        for none in ["null", r#""""#] {
            assert_eq!(deletion(none).expect("none"), DeletionTime::default());
        }
        for garbage in [r#""soon""#, r#"" ""#, "0", r#""2026-11-27""#] {
            assert!(deletion(garbage).is_err(), "{garbage}");
        }
    }
}

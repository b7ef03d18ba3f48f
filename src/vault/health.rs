use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use serde::Deserialize;
use tokio::{sync::watch, time::sleep};
use vaultrs::api::sys::requests::ReadHealthRequest;

use crate::{
    token::Unavailable,
    vault::{Client, client::Operation, error::VaultError},
};

/// How often Vault's health is asked for while it is well, and while it is not.
const WELL: Duration = Duration::from_secs(5);
const UNWELL: Duration = Duration::from_secs(1);

/// What Vault says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// It has not been asked yet.
    Unknown,
    /// It serves requests.
    Up,
    /// It is sealed, or not initialised.
    Sealed,
    /// It does not answer, or answers that it cannot serve.
    Unavailable,
}

impl Health {
    /// By the status of `sys/health`, when asked to count standby nodes as healthy. 429 and 473
    /// come from those that do so all the same.
    fn from_status(status: u16) -> Self {
        match status {
            200 | 429 | 473 => Self::Up,
            501 | 503 => Self::Sealed,
            _ => Self::Unavailable,
        }
    }
}

/// Keeps `health` up to date, for ever, and writes one log line for each change.
pub async fn watch_health(client: Arc<Client>, health: watch::Sender<Health>) {
    loop {
        let (seen, detail) = match client.status(Operation::Health, request()).await {
            Ok(status) => (Health::from_status(status), status.to_string()),
            Err(error) => (Health::Unavailable, error.to_string()),
        };
        let changed = health.send_if_modified(|known| std::mem::replace(known, seen) != seen);
        match seen {
            Health::Up if changed => tracing::info!("vault is up"),
            _ if changed => tracing::warn!(state = ?seen, detail, "vault is away"),
            _ => {}
        }
        sleep(if seen == Health::Up { WELL } else { UNWELL }).await;
    }
}

/// Returns the time by the clock of the server that answers, in whole seconds.
///
/// # Errors
/// [`Unavailable`] if it does not say.
pub async fn server_time(client: &Client) -> Result<Timestamp, Unavailable> {
    #[derive(Deserialize)]
    struct Clock {
        server_time_utc: i64,
    }
    let Clock { server_time_utc } = client.server(Operation::Health, request()).await?;
    let time = Timestamp::from_second(server_time_utc).ok().filter(|time| time.as_second() > 0);
    time.ok_or_else(|| VaultError::malformed("server_time_utc is no time").into())
}

/// The call that counts standby nodes as healthy.
fn request() -> ReadHealthRequest {
    ReadHealthRequest {
        standbyok: Some(true),
        perfstandbyok: Some(true),
        ..ReadHealthRequest::default()
    }
}

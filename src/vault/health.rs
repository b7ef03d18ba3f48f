use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, time::sleep};
use vaultrs::api::sys::requests::ReadHealthRequest;

use crate::vault::{Client, client::Operation};

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
        let request = ReadHealthRequest {
            standbyok: Some(true),
            perfstandbyok: Some(true),
            ..ReadHealthRequest::default()
        };
        let (seen, detail) = match client.status(Operation::Health, request).await {
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

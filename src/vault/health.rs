use std::{sync::Arc, time::Duration};

use serde_json::json;
use tokio::{sync::watch, time::sleep};
use vaultrs::api::sys::requests::ReadHealthRequest;

use crate::vault::{
    Client,
    call::Call,
    client::Operation,
    error::{Failure, VaultError},
};

/// How often Vault's health is asked for while it is well, and while it is not.
const WELL: Duration = Duration::from_secs(5);
const UNWELL: Duration = Duration::from_secs(1);

/// What Vault says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// It has not been asked yet.
    Unknown,
    /// It serves requests.
    Up,
    /// It is sealed, or not initialised.
    Sealed,
    /// It does not answer, or answers that it cannot serve.
    Unavailable,
    /// It is a standby that points to the active node instead of answering, and where that is.
    Redirects(Arc<str>),
}

impl Health {
    /// By the status of `sys/health`. Standby nodes, which are 429, and performance standby nodes,
    /// which are 473, mostly serve requests or pass them on.
    fn from_status(status: u16) -> Self {
        match status {
            200 | 429 | 473 => Self::Up,
            501 | 503 => Self::Sealed,
            _ => Self::Unavailable,
        }
    }

    fn of(error: &VaultError) -> Self {
        match error.failure {
            Failure::Redirect => Self::Redirects(error.detail().into()),
            _ => Self::Unavailable,
        }
    }
}

/// The statuses of a standby node and of a performance standby node.
const STANDBY: [u16; 2] = [429, 473];

/// Keeps `health` up to date, for ever, and writes one log line for each change.
pub async fn watch_health(client: Arc<Client>, health: watch::Sender<Health>) {
    loop {
        let (seen, detail) = look(&client).await;
        let changed = health.send_if_modified(|known| {
            let changed = *known != seen;
            known.clone_from(&seen);
            changed
        });
        match seen {
            Health::Up if changed => tracing::info!("vault is up"),
            _ if changed => tracing::warn!(state = ?seen, detail, "vault is away"),
            _ => {}
        }
        sleep(if seen == Health::Up { WELL } else { UNWELL }).await;
    }
}

async fn look(client: &Client) -> (Health, String) {
    let asked = client.status(Operation::Health, ReadHealthRequest::default()).await;
    let status = match asked {
        Ok(status) => status,
        Err(error) => return (Health::of(&error), error.to_string()),
    };
    // A standby answers this itself, and one of OpenBao all that is read; only another request, which
    // Vault refuses for want of a token, shows whether it passes requests on.
    let other = Call::post("sys/capabilities", &json!({}));
    if STANDBY.contains(&status)
        && let Err(error) = client.status(Operation::Health, &other).await
        && error.failure == Failure::Redirect
    {
        return (Health::of(&error), error.to_string());
    }
    (Health::from_status(status), status.to_string())
}

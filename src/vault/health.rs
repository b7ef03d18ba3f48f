use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, time::sleep};

use crate::{
    telemetry::{Observer, record_vault_failure, record_vault_recovery},
    token::UnavailableReason,
    vault::{
        api::sys::health::{forwarding_status, health_status},
        client::{Client, FailureKind, VaultError},
    },
};

/// The interval between two checks while Vault is available.
const POLL_INTERVAL_UP: Duration = Duration::from_secs(5);

/// The interval between two checks while it is not.
const POLL_INTERVAL_DOWN: Duration = Duration::from_secs(1);

/// The statuses of a standby node and of a performance standby node.
const STANDBY: [u16; 2] = [429, 473];

/// The health of Vault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VaultHealth {
    /// It has not been checked yet.
    Unknown,
    /// It serves requests.
    Up,
    /// It is sealed or not initialized.
    Sealed,
    /// It does not respond, or responds that it cannot serve requests.
    Unavailable,
    /// It is a standby that redirects requests to the active node, at this address.
    RedirectingStandby(Arc<str>),
}

impl VaultHealth {
    /// Returns the name, as in the label of the metric.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Up => "up",
            Self::Sealed => "sealed",
            Self::Unavailable => "unavailable",
            Self::RedirectingStandby(_) => "redirecting",
        }
    }

    /// Returns the health for a status of `sys/health`. Standby nodes (429) and performance standby
    /// nodes (473) mostly serve requests or forward them.
    fn from_status(status: u16) -> Self {
        match status {
            200 | 429 | 473 => Self::Up,
            501 | 503 => Self::Sealed,
            _ => Self::Unavailable,
        }
    }

    fn from_error(error: &VaultError) -> Self {
        match error.kind {
            FailureKind::Redirect => Self::RedirectingStandby(error.detail().into()),
            _ => Self::Unavailable,
        }
    }
}

/// Checks that Vault responds to this client, whatever its status.
///
/// # Errors
/// The reason why there is no response.
pub async fn check_connection(client: &Client) -> Result<(), String> {
    health_status(client).await.map(drop).map_err(|error| error.to_string())
}

/// Keeps `health` up to date, without end, and records outages.
pub async fn watch_health(client: Arc<Client>, health: watch::Sender<VaultHealth>) {
    loop {
        let (current, detail) = check_health(&client).await;
        record(&current, &detail);
        health.send_if_modified(|previous| {
            let changed = *previous != current;
            previous.clone_from(&current);
            changed
        });
        sleep(if current == VaultHealth::Up { POLL_INTERVAL_UP } else { POLL_INTERVAL_DOWN }).await;
    }
}

fn record(health: &VaultHealth, detail: &str) {
    let reason = match health {
        VaultHealth::Up => return record_vault_recovery(Observer::HealthCheck),
        VaultHealth::Sealed => UnavailableReason::Sealed,
        VaultHealth::Unknown | VaultHealth::Unavailable | VaultHealth::RedirectingStandby(_) => {
            UnavailableReason::NoValidResponse
        }
    };
    record_vault_failure(Observer::HealthCheck, reason, detail);
}

/// Returns the health and the status or error that it was determined from.
async fn check_health(client: &Client) -> (VaultHealth, String) {
    let status = match health_status(client).await {
        Ok(status) => status,
        Err(error) => return (VaultHealth::from_error(&error), error.to_string()),
    };
    // A standby serves `sys/health` itself, and one of OpenBao every read; only another request shows
    // whether it forwards requests.
    if STANDBY.contains(&status)
        && let Err(error) = forwarding_status(client).await
        && error.kind == FailureKind::Redirect
    {
        return (VaultHealth::from_error(&error), error.to_string());
    }
    (VaultHealth::from_status(status), format!("health check: status {status}"))
}

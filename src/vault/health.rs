//! The health of Vault: of the node at each of its addresses, and of the whole.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::future::join_all;
use tokio::{sync::watch, time::sleep};

use crate::{
    telemetry::{AddressAvailability, Observer, record_vault_failure, record_vault_recovery},
    token::UnavailableReason,
    vault::{
        api::sys::health::{forwarding_status, health_status},
        client::{Address, Client, FailureKind, NodeState},
    },
};

/// The interval between two checks while Vault is available.
const POLL_INTERVAL_UP: Duration = Duration::from_secs(5);

/// The same for each of several addresses, whose states decide where requests are sent.
const POLL_INTERVAL_UP_SEVERAL: Duration = Duration::from_secs(2);

/// The interval between two checks while it is not.
const POLL_INTERVAL_DOWN: Duration = Duration::from_secs(1);

/// The minimum interval between two checks, however many requests fail.
const MIN_POLL_INTERVAL: Duration = Duration::from_millis(100);

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

/// The result of the last check of one address, with the status or error that it was determined from.
#[derive(Clone)]
struct NodeCheck {
    state: NodeState,
    detail: Arc<str>,
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

    fn from_check(check: &NodeCheck) -> Self {
        match check.state {
            NodeState::Active | NodeState::Standby => Self::Up,
            NodeState::Unknown => Self::Unknown,
            NodeState::Redirecting => Self::RedirectingStandby(Arc::clone(&check.detail)),
            NodeState::Unavailable => Self::Unavailable,
            NodeState::Sealed => Self::Sealed,
        }
    }
}

/// Checks that a node of Vault responds to this client, whatever its status.
///
/// # Errors
/// The reason why the first of its addresses does not respond.
pub async fn check_connection(client: &Client) -> Result<(), String> {
    let checks = client.addresses().iter().map(|address| health_status(client, address));
    let mut results = join_all(checks).await;
    if results.iter().any(Result::is_ok) {
        return Ok(());
    }
    results.swap_remove(0).map(drop).map_err(|error| error.to_string())
}

/// The last checks of all addresses.
struct Checks {
    by_address: Mutex<Vec<NodeCheck>>,
    health: watch::Sender<VaultHealth>,
}

impl Checks {
    /// Records the check of one address and what it means for the whole: Vault is as well as the node
    /// that is best.
    fn record(&self, position: usize, check: NodeCheck) {
        let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = by_address.get_mut(position) {
            *last = check;
        }
        let Some(best) = by_address.iter().min_by_key(|check| check.state) else { return };
        let current = VaultHealth::from_check(best);
        record_outage(&current, &best.detail);
        self.health.send_if_modified(|previous| {
            let changed = *previous != current;
            previous.clone_from(&current);
            changed
        });
    }
}

/// Keeps `health` and the states of the client's addresses up to date, without end, and records
/// outages.
pub async fn watch_health(client: Arc<Client>, health: watch::Sender<VaultHealth>) {
    let addresses = client.addresses();
    let unchecked = NodeCheck { state: NodeState::Unknown, detail: Arc::from("not checked yet") };
    let checks = Checks { by_address: Mutex::new(vec![unchecked; addresses.len()]), health };
    let watch = |(position, address)| watch_address(&client, address, position, &checks);
    join_all(addresses.iter().enumerate().map(watch)).await;
}

async fn watch_address(client: &Client, address: &Address, position: usize, checks: &Checks) {
    let is_only = client.addresses().len() == 1;
    loop {
        let check = check_address(client, address).await;
        if !is_only && address.state() != check.state {
            log_change(address, &check);
        }
        let is_up = check.state.is_up();
        address.set_state(check.state);
        let availability = if is_up { AddressAvailability::Up } else { AddressAvailability::Down };
        client.metrics().set_vault_address(address.origin(), availability);
        checks.record(position, check);
        let interval = match (is_up, is_only) {
            (true, true) => POLL_INTERVAL_UP,
            (true, false) => POLL_INTERVAL_UP_SEVERAL,
            (false, _) => POLL_INTERVAL_DOWN,
        };
        tokio::select! {
            () = sleep(interval) => {}
            () = async { sleep(MIN_POLL_INTERVAL).await; address.check_requested().await } => {}
        }
    }
}

fn log_change(address: &Address, check: &NodeCheck) {
    let (address, before) = (address.origin(), address.state().as_str());
    let (state, detail) = (check.state.as_str(), &*check.detail);
    if check.state.is_up() {
        tracing::info!(address, before, state, detail, "an address of vault changed its state");
    } else {
        tracing::warn!(address, before, state, detail, "an address of vault changed its state");
    }
}

fn record_outage(health: &VaultHealth, detail: &str) {
    let reason = match health {
        // It is too early to tell.
        VaultHealth::Unknown => return,
        VaultHealth::Up => return record_vault_recovery(Observer::HealthCheck),
        VaultHealth::Sealed => UnavailableReason::Sealed,
        VaultHealth::Unavailable | VaultHealth::RedirectingStandby(_) => {
            UnavailableReason::NoValidResponse
        }
    };
    record_vault_failure(Observer::HealthCheck, reason, detail);
}

/// Returns the state of the node at an address. Standby nodes (429) and performance standby nodes
/// (473) mostly serve requests or forward them.
async fn check_address(client: &Client, address: &Address) -> NodeCheck {
    let status = match health_status(client, address).await {
        Ok(status) => status,
        Err(error) => {
            let state = match error.kind {
                FailureKind::Redirect => NodeState::Redirecting,
                _ => NodeState::Unavailable,
            };
            return NodeCheck { state, detail: error.to_string().into() };
        }
    };
    // A standby serves `sys/health` itself, and one of OpenBao every read; only another request shows
    // whether it forwards requests.
    if STANDBY.contains(&status)
        && let Err(error) = forwarding_status(client, address).await
        && error.kind == FailureKind::Redirect
    {
        return NodeCheck { state: NodeState::Redirecting, detail: error.detail().into() };
    }
    let state = match status {
        200 => NodeState::Active,
        429 | 473 => NodeState::Standby,
        501 | 503 => NodeState::Sealed,
        _ => NodeState::Unavailable,
    };
    NodeCheck { state, detail: format!("health check: status {status}").into() }
}

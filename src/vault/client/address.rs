//! One address of Vault: its connections, its circuit breaker and its last known state.

use std::{
    cmp::Reverse,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use tokio::sync::Notify;
use url::Url;

use super::{
    address_breaker::AddressBreaker,
    settings::{ClientSettings, ClientSettingsError},
    transport::Transport,
};

/// The time for which an address counts as one behind which standbys answer, after its health check saw
/// one. It is long, since a load balancer may lead health checks to one node and other requests to another.
const STANDBY_MEMORY: Duration = Duration::from_mins(10);

/// The state of the node at an address, in the order in which addresses are preferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::vault) enum NodeState {
    /// It is the active node.
    Active,
    /// It is a standby that serves or forwards requests.
    Standby,
    /// It has not been checked.
    Unknown,
    /// It is a standby that redirects what it does not serve itself.
    Redirecting,
    /// It does not respond, or responds that it cannot serve requests.
    Unavailable,
    /// It is sealed or not initialized.
    Sealed,
}

/// The node that a response is from, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Responder {
    /// The active node.
    ActiveNode,
    /// Any node, so that its data may be older than that of the active one.
    AnyNode,
}

/// An address of Vault.
pub(in crate::vault) struct Address {
    /// The position in the list of addresses.
    pub(super) position: usize,
    pub(super) origin: String,
    /// The host and the port of the origin.
    pub(super) server: (String, u16),
    pub(super) transport: ArcSwap<Transport>,
    pub(super) breaker: AddressBreaker,
    known: Mutex<KnownState>,
    check_requested: Notify,
}

#[derive(Clone, Copy)]
struct KnownState {
    state: NodeState,
    since: Instant,
    last_standby: Option<Instant>,
}

impl NodeState {
    /// Returns the name in log lines.
    pub(in crate::vault) fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Standby => "standby",
            Self::Unknown => "unknown",
            Self::Redirecting => "redirecting",
            Self::Unavailable => "unavailable",
            Self::Sealed => "sealed",
        }
    }

    /// Returns true if the node serves or forwards requests.
    pub(in crate::vault) fn is_up(self) -> bool {
        matches!(self, Self::Active | Self::Standby)
    }
}

impl Address {
    pub(super) fn new(
        position: usize,
        url: &Url,
        settings: &ClientSettings,
    ) -> Result<Self, ClientSettingsError> {
        let host = url.host_str().unwrap_or_default().to_owned();
        let known =
            KnownState { state: NodeState::Unknown, since: Instant::now(), last_standby: None };
        Ok(Self {
            position,
            origin: url.origin().ascii_serialization(),
            server: (host, url.port_or_known_default().unwrap_or_default()),
            transport: ArcSwap::from_pointee(Transport::new(url, settings)?),
            breaker: AddressBreaker::new(),
            known: Mutex::new(known),
            check_requested: Notify::new(),
        })
    }

    /// Returns the origin of the address.
    pub(in crate::vault) fn origin(&self) -> &str {
        &self.origin
    }

    /// Returns the last known state.
    pub(in crate::vault) fn state(&self) -> NodeState {
        self.known().state
    }

    /// Records the state that a health check found.
    pub(in crate::vault) fn set_state(&self, state: NodeState) {
        let now = Instant::now();
        let mut known = self.known();
        if known.state != state {
            (known.state, known.since) = (state, now);
        }
        if matches!(state, NodeState::Standby | NodeState::Redirecting) {
            known.last_standby = Some(now);
        }
    }

    /// Returns the rank by which addresses are ordered, apart from their breakers: a smaller one is
    /// preferred. Of two that say that they are active, the former leader is the one that has said so
    /// for longer.
    pub(super) fn rank(&self) -> (NodeState, Option<Reverse<Instant>>) {
        let KnownState { state, since, .. } = *self.known();
        (state, (state == NodeState::Active).then_some(Reverse(since)))
    }

    /// Returns the node that a response from this address is from.
    pub(super) fn responder(&self) -> Responder {
        let known = *self.known();
        let had_standby = known.last_standby.is_some_and(|at| at.elapsed() < STANDBY_MEMORY);
        match known.state {
            NodeState::Active if !had_standby => Responder::ActiveNode,
            _ => Responder::AnyNode,
        }
    }

    /// Requests a health check soon, because a request failed.
    pub(super) fn request_check(&self) {
        self.check_requested.notify_one();
    }

    /// Waits until a health check is requested.
    pub(in crate::vault) async fn check_requested(&self) {
        self.check_requested.notified().await;
    }

    fn known(&self) -> MutexGuard<'_, KnownState> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::sleep;

    use super::{Address, NodeState, Responder};
    use crate::vault::{ClientSettings, TrustRoots};

    fn address(url: &str) -> Address {
        let url: url::Url = url.parse().expect("an address");
        let settings = ClientSettings {
            addresses: url.clone().into(),
            namespace: None,
            trust: TrustRoots::System,
            server_name: None,
            client_cert: None,
            timeout: Duration::from_secs(1),
        };
        Address::new(0, &url, &settings).expect("an address")
    }

    #[tokio::test]
    async fn newest_active_node_is_preferred() {
        let [former, standby, sealed, unchecked, leader] =
            ["http://a", "http://b", "http://c", "http://d", "http://e"].map(address);
        former.set_state(NodeState::Active);
        standby.set_state(NodeState::Standby);
        sealed.set_state(NodeState::Sealed);
        sleep(Duration::from_millis(2)).await;
        leader.set_state(NodeState::Active);
        former.set_state(NodeState::Active);
        let mut all = [&sealed, &former, &unchecked, &standby, &leader];
        all.sort_by_key(|address| address.rank());
        let origins = all.map(Address::origin);
        assert_eq!(origins, ["http://e", "http://a", "http://b", "http://d", "http://c"]);
    }

    #[test]
    fn node_that_was_a_standby_is_not_the_active_one() {
        let address = address("http://a");
        assert_eq!(address.responder(), Responder::AnyNode);
        address.set_state(NodeState::Active);
        assert_eq!(address.responder(), Responder::ActiveNode);
        // As behind a load balancer.
        address.set_state(NodeState::Standby);
        address.set_state(NodeState::Active);
        assert_eq!(address.responder(), Responder::AnyNode);
    }
}

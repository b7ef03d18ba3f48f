use std::time::Duration;

use prometheus_client::metrics::{counter::Counter, family::Family, gauge::Gauge};

use super::{
    Metrics,
    histogram::TracedHistogram,
    labels::{Counters, Gauges, InProgress, Labels, OptionalGauge, gauge_value, set_optional},
    registry::Registries,
};

/// The outcome of a login of the service itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceLoginOutcome {
    /// It is logged in.
    Ok,
    /// Vault rejects its credentials.
    Rejected,
    /// Its role is locked out or disabled.
    Denied,
    /// Any other failure, such as an unavailable Vault.
    Failed,
}

impl ServiceLoginOutcome {
    const ALL: [Self; 4] = [Self::Ok, Self::Rejected, Self::Denied, Self::Failed];

    fn label(self) -> [(&'static str, &'static str); 1] {
        let outcome = match self {
            Self::Ok => "ok",
            Self::Rejected => "rejected",
            Self::Denied => "denied",
            Self::Failed => "failed",
        };
        [("outcome", outcome)]
    }
}

/// The availability of the node at one address of Vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressAvailability {
    /// It serves or forwards requests.
    Up,
    /// It does not.
    Down,
}

/// The states of Vault, as in the label.
const STATES: [&str; 5] = ["unknown", "up", "sealed", "unavailable", "redirecting"];

/// The metrics of Vault as this service sees it.
pub(super) struct VaultMetrics {
    requests: Family<Labels<2>, Counter>,
    durations: Family<Labels<1>, TracedHistogram>,
    in_flight: Gauge,
    state: Gauges<1>,
    address_up: Family<Vec<(&'static str, String)>, Gauge>,
    token_remaining: OptionalGauge,
    logins: Counters<1>,
}

impl VaultMetrics {
    pub(super) fn register(registries: &mut Registries) -> Self {
        let metrics = Self {
            requests: Family::default(),
            durations: Family::default(),
            in_flight: Gauge::default(),
            state: Family::default(),
            address_up: Family::default(),
            token_remaining: Family::default(),
            logins: Family::default(),
        };
        for outcome in ServiceLoginOutcome::ALL {
            drop(metrics.logins.get_or_create(&outcome.label()));
        }
        let names = ("vault_requests", "vault_requests");
        registries.renamed(names, "Requests to Vault", &metrics.requests);
        let help = "Time of a request to Vault, with its repetitions";
        registries.own("vault_request_duration_seconds", help, &metrics.durations);
        let help = "Requests that wait for Vault's response";
        registries.own("vault_requests_in_flight", help, &metrics.in_flight);
        let help = "1 for the present state of Vault, 0 for the others";
        registries.own("vault_state", help, &metrics.state);
        let help = "1 while the node at this address of Vault serves or forwards requests, else 0";
        registries.own("vault_address_up", help, &metrics.address_up);
        let help = "Remaining lifetime of the service's own token";
        registries.own("service_token_remaining_seconds", help, &metrics.token_remaining);
        registries.own("service_logins", "Logins of the service itself", &metrics.logins);
        metrics
    }

    /// Sets what is read when the metrics are encoded.
    pub(super) fn set(&self, state: &'static str, token_remaining: Option<Duration>) {
        for known in STATES {
            let is_present = i64::from(known == state);
            self.state.get_or_create(&[("state", known)]).set(is_present);
        }
        let seconds = token_remaining.map(|remaining| gauge_value(remaining.as_secs()));
        set_optional(&self.token_remaining, seconds);
    }
}

impl Metrics {
    /// Counts a request to Vault.
    pub fn record_vault_request(&self, operation: &'static str, outcome: &'static str) {
        let labels = [("operation", operation), ("outcome", outcome)];
        self.vault.requests.get_or_create(&labels).inc();
    }

    /// Records the time of a request to Vault, with its repetitions.
    pub fn record_vault_duration(&self, operation: &'static str, duration: Duration) {
        self.vault.durations.get_or_create(&[("operation", operation)]).observe(duration);
    }

    /// Sets whether the node at this address of Vault serves or forwards requests.
    pub fn set_vault_address(&self, origin: &str, availability: AddressAvailability) {
        let up = i64::from(availability == AddressAvailability::Up);
        self.vault.address_up.get_or_create(&vec![("address", origin.to_owned())]).set(up);
    }

    /// Counts a request that waits for Vault until the result is dropped.
    pub fn begin_vault_request(&self) -> InProgress {
        InProgress::begin(self.vault.in_flight.clone())
    }

    /// Counts a login of the service itself.
    pub fn record_service_login(&self, outcome: ServiceLoginOutcome) {
        self.vault.logins.get_or_create(&outcome.label()).inc();
    }
}

//! The metrics of the service. `docs/metrics.md` lists them.
//!
//! No label has a value from a client: each is from a fixed set, but for the tenant of a valid token,
//! of which there are at most 200.

mod cache;
mod config;
mod decisions;
mod histogram;
mod http;
mod labels;
#[expect(
    deprecated,
    reason = "the library has another model for Prometheus, without build information"
)]
mod otlp;
mod own_telemetry;
mod people;
mod policy_drift;
mod process;
#[expect(deprecated, reason = "see the module `otlp`")]
mod reading;
mod registry;
mod secrets;
mod text;
mod vault;

use std::time::Duration;

use jiff::Timestamp;
use prometheus_client::{
    encoding::text::{encode_eof, encode_registry},
    metrics::{gauge::Gauge, info::Info},
};

use self::{
    cache::CacheMetrics, config::ConfigMetrics, decisions::DecisionMetrics, http::HttpMetrics,
    people::PeopleMetrics, policy_drift::DriftMetrics, process::ProcessCollector,
    registry::Registries, secrets::SecretMetrics, vault::VaultMetrics,
};
pub use self::{
    cache::{AuditEntryOutcome, AuditFeedState},
    config::ReloadOutcome,
    http::{ListenerName, ServedRequest},
    labels::InProgress,
    otlp::{MetricsExport, MetricsExporter},
    own_telemetry::{
        DecisionLogOutcome, Signal, record_decision_log, record_dropped_telemetry,
        record_omitted_lines,
    },
    people::{Limiter, UserLoginOutcome},
    policy_drift::PolicyDrift,
    reading::{HistogramReading, MetricsReading, Sample},
    secrets::{KeyRotationOutcome, SecretOperation, SecretOutcome},
    text::MetricsFormat,
    vault::{AddressAvailability, ServiceLoginOutcome},
};
use crate::{token::EvictionCounts, wall_clock};

/// The metrics of the service.
pub struct Metrics {
    registries: Registries,
    started: Timestamp,
    ready: Gauge,
    validate: DecisionMetrics,
    http: HttpMetrics,
    cache: CacheMetrics,
    vault: VaultMetrics,
    people: PeopleMetrics,
    secrets: SecretMetrics,
    drift: DriftMetrics,
    config: ConfigMetrics,
}

/// The values that are read when the metrics are encoded.
#[derive(Clone, Debug)]
pub struct MetricsSnapshot {
    /// True if the service can validate tokens.
    pub is_ready: bool,
    /// The numbers of live and of refused tokens in the cache.
    pub cached_tokens: (u64, u64),
    /// The number of valid tokens that were removed from the cache since the start.
    pub evictions: EvictionCounts,
    /// The name of Vault's present state.
    pub vault_state: &'static str,
    /// The remaining lifetime of the service's own token; `None` while it has none, or one that does not
    /// expire.
    pub token_remaining: Option<Duration>,
    /// The numbers of client addresses that each limiter tracks.
    pub limited_addresses: Vec<(Limiter, u64)>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registries = Registries::default();
        let build = || Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registries.own.register("build", "Build information", build());
        registries.former.register("build", "Deprecated: vault_auth_build_info", build());
        let ready = Gauge::default();
        registries.renamed(("ready", "ready"), "1 while tokens can be validated", &ready);
        own_telemetry::register(&mut registries);
        let started = wall_clock::now();
        registries.collector(ProcessCollector { started });
        let http = HttpMetrics::register(&mut registries);
        Self {
            started,
            ready,
            validate: DecisionMetrics::register(&mut registries, &http),
            http,
            cache: CacheMetrics::register(&mut registries),
            vault: VaultMetrics::register(&mut registries),
            people: PeopleMetrics::register(&mut registries),
            secrets: SecretMetrics::register(&mut registries),
            drift: DriftMetrics::register(&mut registries),
            config: ConfigMetrics::register(&mut registries),
            registries,
        }
    }
}

impl Metrics {
    /// Returns all metrics as text.
    #[must_use]
    pub fn render(&self, snapshot: &MetricsSnapshot, format: MetricsFormat) -> String {
        self.set(snapshot);
        let Registries { own, conventional, former } = &self.registries;
        let mut text = String::new();
        // Writing to a string cannot fail.
        for registry in [own, conventional, former] {
            let _ = encode_registry(&mut text, registry);
        }
        let _ = encode_eof(&mut text);
        match format {
            MetricsFormat::OpenMetrics => text,
            MetricsFormat::Prometheus => text::to_prometheus(&text),
        }
    }

    fn set(&self, snapshot: &MetricsSnapshot) {
        self.ready.set(i64::from(snapshot.is_ready));
        self.cache.set(snapshot.cached_tokens, snapshot.evictions);
        self.vault.set(snapshot.vault_state, snapshot.token_remaining);
        self.people.set(&snapshot.limited_addresses);
    }
}

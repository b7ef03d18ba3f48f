use http::StatusCode;
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, info::Info},
    registry::Registry,
};

use crate::{auth::ProblemSpec, token::CacheStatus};

/// The metrics of the service. The counters of the hot path are looked up once, at the start.
pub struct Metrics {
    registry: Registry,
    decisions: Family<DecisionLabels, Counter>,
    allowed: Counter,
    cache_requests: [Counter; CacheStatus::ALL.len()],
    vault_requests: Family<VaultLabels, Counter>,
    api_requests: Family<ApiLabels, Counter>,
    accept_errors: Counter,
    panics: Counter,
    ready: Gauge,
    live_tokens: Gauge,
    refused_tokens: Gauge,
}

/// The values of gauges, read when the metrics are rendered.
#[derive(Clone, Copy, Debug)]
pub struct MetricsSnapshot {
    /// True if the service can validate tokens.
    pub is_ready: bool,
    /// The numbers of live and of refused tokens in the cache.
    pub cached_tokens: (u64, u64),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DecisionLabels {
    result: &'static str,
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CacheLabels {
    status: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabels {
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct VaultLabels {
    operation: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ApiLabels {
    route: String,
    status: u16,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::default();
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "Build information", build);
        let decisions = Family::<DecisionLabels, Counter>::default();
        registry.register("decisions", "Decisions of /validate", decisions.clone());
        let allowed = DecisionLabels { result: "allow", reason: "ok" };
        let cache_requests = Family::<CacheLabels, Counter>::default();
        registry.register(
            "cache_requests",
            "Token lookups by cache status",
            cache_requests.clone(),
        );
        let cache_requests = CacheStatus::ALL.map(|status| {
            cache_requests.get_or_create_owned(&CacheLabels { status: status.as_str() })
        });
        let tokens = Family::<KindLabels, Gauge>::default();
        registry.register("cache_tokens", "Tokens in the cache", tokens.clone());
        let vault_requests = Family::default();
        registry.register("vault_requests", "Requests to Vault", vault_requests.clone());
        let api_requests = Family::default();
        registry.register("api_requests", "Responses of the API", api_requests.clone());
        let metrics = Self {
            allowed: decisions.get_or_create_owned(&allowed),
            decisions,
            cache_requests,
            vault_requests,
            api_requests,
            accept_errors: Counter::default(),
            panics: Counter::default(),
            ready: Gauge::default(),
            live_tokens: tokens.get_or_create_owned(&KindLabels { kind: "live" }),
            refused_tokens: tokens.get_or_create_owned(&KindLabels { kind: "refused" }),
            registry,
        };
        metrics.registered()
    }
}

impl Metrics {
    /// Registers the metrics that have no labels.
    fn registered(mut self) -> Self {
        let registry = &mut self.registry;
        registry.register(
            "accept_errors",
            "Connections that could not be accepted",
            self.accept_errors.clone(),
        );
        registry.register("panics", "Requests that panicked", self.panics.clone());
        registry.register("ready", "1 while tokens can be validated", self.ready.clone());
        self
    }

    /// Counts an allowed request.
    pub fn record_allowed(&self) {
        self.allowed.inc();
    }

    /// Counts a denied request.
    pub fn record_denied(&self, terms: &ProblemSpec) {
        let result = terms.severity.result_label();
        self.decisions.get_or_create(&DecisionLabels { result, reason: terms.code }).inc();
    }

    /// Counts a token lookup by its cache status.
    pub fn record_cache_status(&self, status: CacheStatus) {
        self.cache_requests[status as usize].inc();
    }

    /// Counts a request to Vault.
    pub fn record_vault_request(&self, operation: &'static str, outcome: &'static str) {
        self.vault_requests.get_or_create(&VaultLabels { operation, outcome }).inc();
    }

    /// Counts a response of the API. The route is one of a few, never a path of a request.
    pub fn record_api_request(&self, route: &str, status: StatusCode) {
        let labels = ApiLabels { route: route.to_owned(), status: status.as_u16() };
        self.api_requests.get_or_create(&labels).inc();
    }

    /// Counts a connection that could not be accepted.
    pub fn record_accept_error(&self) {
        self.accept_errors.inc();
    }

    /// Counts a request that panicked.
    pub fn record_panic(&self) {
        self.panics.inc();
    }

    /// Returns all metrics in the `OpenMetrics` text format.
    #[must_use]
    pub fn render(&self, snapshot: MetricsSnapshot) -> String {
        let gauge = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        self.ready.set(i64::from(snapshot.is_ready));
        self.live_tokens.set(gauge(snapshot.cached_tokens.0));
        self.refused_tokens.set(gauge(snapshot.cached_tokens.1));
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

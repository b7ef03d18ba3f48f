use http::StatusCode;
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, info::Info},
    registry::Registry,
};

use crate::{decision::Terms, token::CacheStatus};

/// Everything that is counted. The counters of the hot path are looked up once, here.
pub struct Metrics {
    registry: Registry,
    decisions: Family<DecisionLabels, Counter>,
    allowed: Counter,
    cache: [Counter; CacheStatus::ALL.len()],
    vault_requests: Family<VaultLabels, Counter>,
    api_requests: Family<ApiLabels, Counter>,
    accept_errors: Counter,
    panics: Counter,
    ready: Gauge,
    live_tokens: Gauge,
    refused_tokens: Gauge,
}

/// What is not counted but read at the moment of asking.
#[derive(Clone, Copy, Debug)]
pub struct Snapshot {
    /// Whether the service can validate tokens.
    pub ready: bool,
    /// How many live and how many refused tokens the cache holds.
    pub cached: (u64, u64),
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
        registry.register("build", "The program", build);
        let decisions = Family::<DecisionLabels, Counter>::default();
        registry.register("decisions", "Decisions of /validate", decisions.clone());
        let allowed = DecisionLabels { result: "allow", reason: "ok" };
        let cache = Family::<CacheLabels, Counter>::default();
        registry.register("cache_requests", "Where facts about tokens came from", cache.clone());
        let cache = CacheStatus::ALL
            .map(|status| cache.get_or_create_owned(&CacheLabels { status: status.as_str() }));
        let tokens = Family::<KindLabels, Gauge>::default();
        registry.register("cache_tokens", "How many tokens are cached", tokens.clone());
        let vault_requests = Family::default();
        registry.register("vault_requests", "Calls to Vault", vault_requests.clone());
        let api_requests = Family::default();
        registry.register("api_requests", "Answers of the API", api_requests.clone());
        let metrics = Self {
            allowed: decisions.get_or_create_owned(&allowed),
            decisions,
            cache,
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
    fn registered(mut self) -> Self {
        let registry = &mut self.registry;
        registry.register(
            "accept_errors",
            "Connections that could not be accepted",
            self.accept_errors.clone(),
        );
        registry.register("panics", "Requests that broke this program", self.panics.clone());
        registry.register("ready", "1 while tokens can be validated", self.ready.clone());
        self
    }

    /// Counts a caller let in.
    pub fn allowed(&self) {
        self.allowed.inc();
    }

    /// Counts a caller refused on these terms.
    pub fn refused(&self, terms: &Terms) {
        let result = terms.severity.result_label();
        self.decisions.get_or_create(&DecisionLabels { result, reason: terms.code }).inc();
    }

    /// Counts where the facts of a decision came from.
    pub fn cache(&self, status: CacheStatus) {
        self.cache[status as usize].inc();
    }

    /// Counts a call to Vault.
    pub fn vault_request(&self, operation: &'static str, outcome: &'static str) {
        self.vault_requests.get_or_create(&VaultLabels { operation, outcome }).inc();
    }

    /// Counts an answer of the API on this route, which is one of a few.
    pub fn api_request(&self, route: &str, status: StatusCode) {
        let labels = ApiLabels { route: route.to_owned(), status: status.as_u16() };
        self.api_requests.get_or_create(&labels).inc();
    }

    /// Counts a connection that could not be accepted.
    pub fn accept_error(&self) {
        self.accept_errors.inc();
    }

    /// Counts a request that broke this program.
    pub fn panicked(&self) {
        self.panics.inc();
    }

    /// Everything in the `OpenMetrics` text format.
    #[must_use]
    pub fn render(&self, snapshot: Snapshot) -> String {
        let gauge = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        self.ready.set(i64::from(snapshot.ready));
        self.live_tokens.set(gauge(snapshot.cached.0));
        self.refused_tokens.set(gauge(snapshot.cached.1));
        let mut text = String::new();
        // Writing into a string does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

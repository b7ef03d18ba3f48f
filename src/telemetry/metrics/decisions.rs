use std::time::Duration;

use http::{Method, StatusCode};
use prometheus_client::{
    encoding::{EncodeMetric, MetricEncoder},
    metrics::{MetricType, TypedMetric, counter::Counter},
};

use super::{
    Metrics, ServedRequest,
    histogram::{Histogram, TracedHistogram},
    http::{HttpLabels, HttpMetrics, ListenerName},
    labels::Counters,
    registry::Registries,
};
use crate::{auth::ProblemSpec, token::CacheStatus};

/// The route of decisions.
const ROUTE: &str = "/validate";

/// The metrics of `/validate`. Those of the hot path are looked up once, at the start.
pub(super) struct DecisionMetrics {
    decisions: Counters<2>,
    allowed: Counter,
    lookups: [Counter; CacheStatus::ALL.len()],
    durations: ValidateDurations,
    /// The requests that the hot path answers: `GET`, allowed, from the cache alone. They are part of
    /// the durations of cached decisions, and of those of all HTTP requests.
    hot_path: Histogram,
}

/// The durations of decisions by cache status.
#[derive(Clone, Debug, Default)]
struct ValidateDurations {
    hit: Histogram,
    /// Those with a miss, a stale entry, and without a lookup. The trace of one that the cache
    /// answers shows nothing, so it is no exemplar.
    miss: TracedHistogram,
    stale: TracedHistogram,
    none: TracedHistogram,
}

impl ValidateDurations {
    fn observe(&self, cache: Option<CacheStatus>, duration: Duration) {
        match cache {
            Some(CacheStatus::Hit) => self.hit.observe(duration),
            Some(CacheStatus::Miss) => self.miss.observe(duration),
            Some(CacheStatus::Stale) => self.stale.observe(duration),
            None => self.none.observe(duration),
        }
    }
}

impl EncodeMetric for ValidateDurations {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> std::fmt::Result {
        let Self { hit, miss, stale, none } = self;
        hit.encode(encoder.encode_family(&[("cache", "hit")])?)?;
        miss.encode(encoder.encode_family(&[("cache", "miss")])?)?;
        stale.encode(encoder.encode_family(&[("cache", "stale")])?)?;
        none.encode(encoder.encode_family(&[("cache", "none")])?)
    }

    fn metric_type(&self) -> MetricType {
        Histogram::TYPE
    }
}

impl DecisionMetrics {
    pub(super) fn register(registries: &mut Registries, http: &HttpMetrics) -> Self {
        let (decisions, lookups) = (Counters::default(), Counters::default());
        let (hot_path, durations) = (Histogram::default(), ValidateDurations::default());
        let names = ("decisions", "decisions");
        registries.renamed(names, "Decisions of /validate", &decisions);
        let names = ("cache_lookups", "cache_requests");
        registries.renamed(names, "Lookups of tokens by cache status", &lookups);
        let help = "Time from the head of a request to /validate to the response";
        registries.own("validate_duration_seconds", help, &durations);
        durations.hit.include(&hot_path);
        let get = HttpLabels::new(ListenerName::Auth, "GET", Some(ROUTE), StatusCode::OK);
        http.durations.get_or_create(&get).include(&hot_path);
        Self {
            allowed: decisions.get_or_create_owned(&[("result", "allow"), ("reason", "ok")]),
            decisions,
            lookups: CacheStatus::ALL
                .map(|status| lookups.get_or_create_owned(&[("status", status.as_str())])),
            durations,
            hot_path,
        }
    }
}

impl Metrics {
    /// Records a request that was allowed from cached data alone, and the time until then.
    pub fn record_cached(&self, method: &str, duration: Duration) {
        self.validate.lookups[CacheStatus::Hit as usize].inc();
        self.validate.allowed.inc();
        if method == "GET" {
            self.validate.hot_path.observe(duration);
        } else {
            self.validate.durations.hit.observe(duration);
            let labels = HttpLabels::new(ListenerName::Auth, method, Some(ROUTE), StatusCode::OK);
            self.http.durations.get_or_create(&labels).observe(duration);
        }
    }

    /// Counts an allowed request.
    pub fn record_allowed(&self) {
        self.validate.allowed.inc();
    }

    /// Counts a denied request.
    pub fn record_denied(&self, terms: &ProblemSpec) {
        let labels = [("result", terms.severity.result_label()), ("reason", terms.code)];
        self.validate.decisions.get_or_create(&labels).inc();
    }

    /// Counts a token lookup by its cache status.
    pub fn record_cache_status(&self, status: CacheStatus) {
        self.validate.lookups[status as usize].inc();
    }

    /// Records the time until a decision and its response, by the status of the token lookup; `None` if
    /// there was none.
    pub fn record_validate(
        &self,
        cache: Option<CacheStatus>,
        (method, status): (&Method, StatusCode),
        duration: Duration,
    ) {
        self.validate.durations.observe(cache, duration);
        let (listener, route) = (ListenerName::Auth, Some(ROUTE));
        self.record_response(&ServedRequest { listener, method, route, status, duration });
    }
}

//! Histograms of latencies, with buckets from 10 µs: a request with a cached token takes a few.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use opentelemetry::{Context, trace::TraceContextExt};
use prometheus_client::{
    encoding::{EncodeMetric, MetricEncoder, NoLabelSet},
    metrics::{MetricType, TypedMetric, exemplar::HistogramWithExemplars},
};

use crate::wall_clock;

/// The upper bounds of all buckets but the last, in nanoseconds and in seconds.
const BOUNDS: [(u64, f64); 19] = [
    (10_000, 0.000_01),
    (25_000, 0.000_025),
    (50_000, 0.000_05),
    (100_000, 0.000_1),
    (250_000, 0.000_25),
    (500_000, 0.000_5),
    (1_000_000, 0.001),
    (2_500_000, 0.002_5),
    (5_000_000, 0.005),
    (10_000_000, 0.01),
    (25_000_000, 0.025),
    (50_000_000, 0.05),
    (100_000_000, 0.1),
    (250_000_000, 0.25),
    (500_000_000, 0.5),
    (1_000_000_000, 1.0),
    (2_500_000_000, 2.5),
    (5_000_000_000, 5.0),
    (10_000_000_000, 10.0),
];

const BUCKETS: usize = BOUNDS.len() + 1;

/// A histogram of durations that takes no lock: an observation is two atomic additions.
#[derive(Clone, Debug, Default)]
pub(super) struct Histogram {
    cells: Arc<Cells>,
    /// The cells of another histogram whose observations are part of this one's.
    included: Arc<OnceLock<Arc<Cells>>>,
}

#[derive(Debug, Default)]
struct Cells {
    /// The number of observations in each bucket, not added up.
    buckets: [AtomicU64; BUCKETS],
    /// The sum of all observations, in nanoseconds.
    sum: AtomicU64,
}

impl Histogram {
    /// Makes the observations of another histogram, past and future, a part of this one's. Only the first
    /// call has an effect.
    pub(super) fn include(&self, other: &Self) {
        let _ = self.included.set(Arc::clone(&other.cells));
    }

    /// Adds an observation.
    pub(super) fn observe(&self, duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.iter().position(|(bound, _)| nanos <= *bound).unwrap_or(BOUNDS.len());
        self.cells.buckets[bucket].fetch_add(1, Relaxed);
        self.cells.sum.fetch_add(nanos, Relaxed);
    }

    fn cells(&self) -> impl Iterator<Item = &Cells> {
        std::iter::once(&self.cells).chain(self.included.get()).map(Arc::as_ref)
    }
}

impl EncodeMetric for Histogram {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> std::fmt::Result {
        let bounds = BOUNDS.iter().map(|(_, seconds)| *seconds).chain([f64::INFINITY]);
        let observations =
            |bucket: usize| self.cells().map(|cells| cells.buckets[bucket].load(Relaxed)).sum();
        let buckets: Vec<(f64, u64)> =
            bounds.enumerate().map(|(bucket, bound)| (bound, observations(bucket))).collect();
        let count = buckets.iter().map(|(_, observations)| observations).sum();
        let sum = self.cells().map(|cells| cells.sum.load(Relaxed)).sum();
        let sum = Duration::from_nanos(sum).as_secs_f64();
        encoder.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

impl TypedMetric for Histogram {
    const TYPE: MetricType = MetricType::Histogram;
}

/// A histogram of durations whose buckets have the trace of a recent observation as exemplar. It takes a
/// lock, so it is for what waits for Vault.
#[derive(Clone, Debug)]
pub(super) struct TracedHistogram(HistogramWithExemplars<[(&'static str, String); 1]>);

impl Default for TracedHistogram {
    fn default() -> Self {
        Self(HistogramWithExemplars::new(BOUNDS.iter().map(|(_, seconds)| *seconds)))
    }
}

impl TracedHistogram {
    /// Adds an observation of the current span, whose trace is kept if it is exported.
    pub(super) fn observe(&self, duration: Duration) {
        let trace = sampled_trace_id().map(|id| [("trace_id", id)]);
        let time = trace.is_some().then(|| wall_clock::now().into());
        self.0.observe(duration.as_secs_f64(), trace, time);
    }
}

impl EncodeMetric for TracedHistogram {
    fn encode(&self, encoder: MetricEncoder<'_>) -> std::fmt::Result {
        self.0.encode(encoder)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

impl TypedMetric for TracedHistogram {
    const TYPE: MetricType = MetricType::Histogram;
}

/// Returns the id of the current span's trace if it is exported.
fn sampled_trace_id() -> Option<String> {
    Context::map_current(|context| {
        let span = context.has_active_span().then(|| context.span())?;
        let span = span.span_context();
        span.is_sampled().then(|| span.trace_id().to_string())
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use opentelemetry::{
        Context,
        trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState},
    };
    use prometheus_client::{encoding::text::encode, registry::Registry};

    use super::{Histogram, TracedHistogram};

    fn text(metric: impl prometheus_client::registry::Metric) -> String {
        let mut registry = Registry::default();
        registry.register("d", "A duration", metric);
        let mut text = String::new();
        encode(&mut text, &registry).expect("a string");
        text
    }

    #[test]
    fn observations_are_in_their_buckets() {
        let (histogram, other) = (Histogram::default(), Histogram::default());
        histogram.include(&other);
        histogram.observe(Duration::from_micros(10));
        other.observe(Duration::from_nanos(10_001));
        other.observe(Duration::from_secs(11));
        let text = text(histogram);
        for line in [
            "d_sum 11.000020001",
            "d_count 3",
            "d_bucket{le=\"0.00001\"} 1",
            "d_bucket{le=\"0.000025\"} 2",
            "d_bucket{le=\"10.0\"} 2",
            "d_bucket{le=\"+Inf\"} 3",
        ] {
            assert!(text.lines().any(|found| found == line), "no {line} in\n{text}");
        }
    }

    #[test]
    fn only_a_sampled_trace_is_an_exemplar() {
        let observe = |flags| {
            let trace = TraceId::from(0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c);
            let span = SpanContext::new(trace, SpanId::from(1), flags, true, TraceState::NONE);
            let _attached = Context::new().with_remote_span_context(span).attach();
            let histogram = TracedHistogram::default();
            histogram.observe(Duration::from_millis(2));
            text(histogram)
        };
        let sampled = observe(TraceFlags::SAMPLED);
        let exemplar =
            "d_bucket{le=\"0.0025\"} 1 # {trace_id=\"0af7651916cd43dd8448eb211c80319c\"} 0.002 ";
        assert!(sampled.contains(exemplar), "{sampled}");
        assert_eq!(sampled.matches("trace_id").count(), 1);
        assert!(!observe(TraceFlags::default()).contains("trace_id"));
    }
}

use prometheus_client::metrics::{counter::Counter, family::Family, gauge::Gauge};

/// Labels whose values are known when the program is compiled.
pub(super) type Labels<const N: usize> = [(&'static str, &'static str); N];

/// Counters that differ in such labels.
pub(super) type Counters<const N: usize> = Family<Labels<N>, Counter>;

/// Gauges that differ in such labels.
pub(super) type Gauges<const N: usize> = Family<Labels<N>, Gauge>;

/// A gauge that is absent while it has no value.
pub(super) type OptionalGauge = Family<Labels<0>, Gauge>;

/// Sets a gauge, or removes it.
pub(super) fn set_optional(gauge: &OptionalGauge, value: Option<i64>) {
    match value {
        Some(value) => drop(gauge.get_or_create(&[]).set(value)),
        None => gauge.clear(),
    }
}

/// Returns a number as the value of a gauge.
pub(super) fn gauge_value(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// One unit of a gauge of things that are going on, until it is dropped.
#[must_use]
pub struct InProgress(Gauge);

impl InProgress {
    /// Adds one.
    pub(super) fn begin(gauge: Gauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for InProgress {
    fn drop(&mut self) {
        self.0.dec();
    }
}

//! Present values of metrics, for those who read them within the process.

use prometheus_client::encoding::openmetrics_protobuf::{self, openmetrics_data_model as model};

use self::model::{counter_value::Total, gauge_value, histogram_value::Sum, metric_point::Value};
use super::{Metrics, MetricsSnapshot, registry::Registries};

/// The values of all metrics at one time.
pub struct MetricsReading(Vec<model::MetricFamily>);

/// One series of a metric.
#[derive(Clone, Debug)]
pub struct Sample<T> {
    /// The labels, each with its value.
    pub labels: Vec<(String, String)>,
    /// The value.
    pub value: T,
}

/// The observations of a histogram.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HistogramReading {
    /// The number of observations in each bucket, not added up, with the bucket's upper bound.
    pub buckets: Vec<(f64, u64)>,
    /// The sum of all observations.
    pub sum: f64,
}

impl Metrics {
    /// Returns the present values of all metrics.
    #[must_use]
    pub fn read(&self, snapshot: &MetricsSnapshot) -> MetricsReading {
        self.set(snapshot);
        MetricsReading(self.families())
    }

    /// Returns all metrics but those with former names, in the model of `OpenMetrics`.
    pub(super) fn families(&self) -> Vec<model::MetricFamily> {
        let Registries { own, conventional, .. } = &self.registries;
        // Encoding fails only for integers that the model does not represent, of which there are none.
        let sets = [own, conventional].map(|registry| openmetrics_protobuf::encode(registry).ok());
        sets.into_iter().flatten().flat_map(|set| set.metric_families).collect()
    }
}

impl MetricsReading {
    /// Returns the series of a counter or a gauge, by the name that its samples have.
    #[must_use]
    pub fn numbers(&self, name: &str) -> Vec<Sample<f64>> {
        self.series(name, number)
    }

    /// Returns the series of a histogram.
    #[must_use]
    pub fn histograms(&self, name: &str) -> Vec<Sample<HistogramReading>> {
        self.series(name, histogram)
    }

    fn series<T>(&self, name: &str, read: impl Fn(&Value) -> Option<T>) -> Vec<Sample<T>> {
        let name = name.strip_suffix("_total").unwrap_or(name);
        let families = self.0.iter().filter(|family| family.name == name);
        let series = families.flat_map(|family| &family.metrics);
        let samples = series.filter_map(|series| {
            let value = read(series.metric_points.first()?.value.as_ref()?)?;
            let labels = series.labels.iter();
            let labels = labels.map(|label| (label.name.clone(), label.value.clone())).collect();
            Some(Sample { labels, value })
        });
        samples.collect()
    }
}

impl<T> Sample<T> {
    /// Returns the value of a label; empty if there is none.
    #[must_use]
    pub fn label(&self, name: &str) -> &str {
        let label = self.labels.iter().find(|(label, _)| label == name);
        label.map(|(_, value)| value.as_str()).unwrap_or_default()
    }
}

impl HistogramReading {
    /// Returns the number of observations.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|(_, count)| count).sum()
    }

    /// Returns the value below which this fraction of the observations is, from 0 to 1, interpolated within
    /// its bucket as Prometheus does. The last bucket has no upper bound; its lower one is returned then.
    /// Returns `None` without an observation.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    pub fn quantile(&self, fraction: f64) -> Option<f64> {
        let rank = fraction * self.count() as f64;
        let (mut lower, mut before) = (0.0, 0);
        for &(upper, count) in self.buckets.iter().filter(|(_, count)| *count > 0) {
            if (before + count) as f64 >= rank {
                let lower = self.lower_bound(upper).unwrap_or(lower);
                let part = (rank - before as f64) / count as f64;
                return Some(if upper.is_finite() {
                    lower + (upper - lower) * part
                } else {
                    lower
                });
            }
            (lower, before) = (upper, before + count);
        }
        None
    }

    /// Returns the upper bound of the bucket before the one with this upper bound.
    fn lower_bound(&self, upper: f64) -> Option<f64> {
        let bounds = self.buckets.iter().map(|(bound, _)| *bound);
        bounds.take_while(|bound| *bound < upper).last()
    }
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::GaugeValue(gauge) => match gauge.value? {
            gauge_value::Value::DoubleValue(value) => Some(value),
            gauge_value::Value::IntValue(value) => Some(value as f64),
        },
        Value::CounterValue(counter) => match counter.total? {
            Total::DoubleValue(value) => Some(value),
            Total::IntValue(value) => Some(value as f64),
        },
        _ => None,
    }
}

fn histogram(value: &Value) -> Option<HistogramReading> {
    let Value::HistogramValue(histogram) = value else { return None };
    let buckets = histogram.buckets.iter().map(|bucket| (bucket.upper_bound, bucket.count));
    let sum = histogram.sum.map_or(0.0, sum);
    Some(HistogramReading { buckets: buckets.collect(), sum })
}

/// Returns the sum of a histogram, which is always a floating-point number here.
#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
pub(super) fn sum(sum: Sum) -> f64 {
    match sum {
        Sum::DoubleValue(sum) => sum,
        Sum::IntValue(sum) => sum as f64,
    }
}

#[cfg(test)]
mod tests {
    use super::HistogramReading;

    #[test]
    fn quantile_is_interpolated_within_its_bucket() {
        let buckets = vec![(1.0, 0), (2.0, 4), (4.0, 4), (f64::INFINITY, 2)];
        let reading = HistogramReading { buckets, sum: 0.0 };
        let quantile = |fraction| reading.quantile(fraction).expect("observations");
        for (fraction, expected) in [(0.0, 1.0), (0.2, 1.5), (0.4, 2.0), (0.6, 3.0), (1.0, 4.0)] {
            assert!((quantile(fraction) - expected).abs() < 1e-9, "{fraction}");
        }
        assert_eq!(HistogramReading::default().quantile(0.5), None);
    }
}

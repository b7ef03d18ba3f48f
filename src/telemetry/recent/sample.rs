use std::collections::BTreeMap;

use crate::telemetry::{HistogramReading, MetricsReading, Sample};

/// Counts by the value of a label, without those that are zero.
pub type Counts = BTreeMap<String, u64>;

/// Durations in seconds by the value of a label, without empty histograms.
pub type Histograms = BTreeMap<String, HistogramReading>;

/// The metrics that the console shows, at one time or for a period.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetricsSample {
    /// Decisions by reason.
    pub decisions: Counts,
    /// Lookups of tokens by cache status.
    pub lookups: Counts,
    /// Durations of `/validate` by cache status, with `none` for requests without a lookup.
    pub durations: Histograms,
    /// Durations of requests to Vault by operation.
    pub vault_durations: Histograms,
    /// Failed requests to Vault by operation.
    pub vault_failures: Counts,
}

impl MetricsSample {
    /// Reads the metrics by the names that `/metrics` has as well.
    #[must_use]
    pub fn read(metrics: &MetricsReading) -> Self {
        let mut vault_requests = metrics.numbers("vault_auth_vault_requests_total");
        vault_requests.retain(|requests| requests.label("outcome") != "ok");
        let durations = metrics.histograms("vault_auth_validate_duration_seconds");
        let vault_durations = metrics.histograms("vault_auth_vault_request_duration_seconds");
        Self {
            decisions: counts(&metrics.numbers("vault_auth_decisions_total"), "reason"),
            lookups: counts(&metrics.numbers("vault_auth_cache_lookups_total"), "status"),
            durations: histograms(durations, "cache"),
            vault_durations: histograms(vault_durations, "operation"),
            vault_failures: counts(&vault_requests, "operation"),
        }
    }

    /// Returns the changes after `earlier`.
    #[must_use]
    pub(super) fn since(&self, earlier: &Self) -> Self {
        Self {
            decisions: counts_since(&self.decisions, &earlier.decisions),
            lookups: counts_since(&self.lookups, &earlier.lookups),
            durations: histograms_since(&self.durations, &earlier.durations),
            vault_durations: histograms_since(&self.vault_durations, &earlier.vault_durations),
            vault_failures: counts_since(&self.vault_failures, &earlier.vault_failures),
        }
    }
}

/// Returns the sums of counters by the value of a label.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a counter")]
fn counts(samples: &[Sample<f64>], by: &str) -> Counts {
    let mut counts = Counts::new();
    for sample in samples.iter().filter(|sample| sample.value > 0.0) {
        *counts.entry(sample.label(by).to_owned()).or_default() += sample.value as u64;
    }
    counts
}

fn histograms(samples: Vec<Sample<HistogramReading>>, by: &str) -> Histograms {
    let used = samples.into_iter().filter(|sample| sample.value.count() > 0);
    used.map(|sample| (sample.label(by).to_owned(), sample.value)).collect()
}

fn counts_since(later: &Counts, earlier: &Counts) -> Counts {
    let increase = |(label, count): (&String, &u64)| {
        let before = earlier.get(label).copied().unwrap_or_default();
        (label.clone(), count.saturating_sub(before))
    };
    later.iter().map(increase).filter(|(_, count)| *count > 0).collect()
}

fn histograms_since(later: &Histograms, earlier: &Histograms) -> Histograms {
    let added = later.iter().map(|(label, all)| match earlier.get(label) {
        Some(before) => (label.clone(), histogram_since(all, before)),
        None => (label.clone(), all.clone()),
    });
    added.filter(|(_, histogram)| histogram.count() > 0).collect()
}

/// Returns the observations that were added. Both histograms have the same buckets.
fn histogram_since(later: &HistogramReading, earlier: &HistogramReading) -> HistogramReading {
    let buckets = later.buckets.iter().zip(&earlier.buckets);
    let added = |((upper, count), (_, before)): (&(f64, u64), &(f64, u64))| {
        (*upper, count.saturating_sub(*before))
    };
    HistogramReading { buckets: buckets.map(added).collect(), sum: later.sum - earlier.sum }
}

#[cfg(test)]
mod tests {
    use super::MetricsSample;
    use crate::telemetry::HistogramReading;

    fn sample(counts: [u64; 3]) -> MetricsSample {
        let bounds = [0.001, 0.002, f64::INFINITY];
        let reading =
            HistogramReading { buckets: bounds.into_iter().zip(counts).collect(), sum: 0.0 };
        let durations = [("hit".to_owned(), reading)].into();
        MetricsSample { durations, ..MetricsSample::default() }
    }

    #[test]
    fn difference_has_only_new_durations() {
        let (earlier, later) = (sample([1, 2, 0]), sample([1, 5, 1]));
        assert_eq!(later.since(&earlier), sample([0, 3, 1]));
        assert_eq!(later.since(&MetricsSample::default()), later);
        assert_eq!(later.since(&later), MetricsSample::default());
    }
}

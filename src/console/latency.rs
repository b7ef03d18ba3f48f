use super::{format::number, text::ConsoleText};
use crate::telemetry::HistogramReading;

/// Durations of one kind, as a row of a table.
pub(super) struct LatencyRow {
    pub(super) name: String,
    /// The class of the line in the chart, or empty.
    pub(super) class: &'static str,
    pub(super) count: String,
    pub(super) p50: String,
    pub(super) p99: String,
    pub(super) max: String,
}

impl LatencyRow {
    pub(super) fn new(
        (name, class): (&str, &'static str),
        durations: &HistogramReading,
        text: &ConsoleText,
    ) -> Self {
        let quantile = |q| durations.quantile(q).map_or("–".to_owned(), |s| text.duration(s));
        let max = match upper_bound(durations) {
            None => "–".to_owned(),
            Some(bound) if bound.is_finite() => format!("≤\u{a0}{}", text.duration(bound)),
            // The lower bound of the last bucket.
            Some(_) => format!(">\u{a0}{}", quantile(1.0)),
        };
        Self {
            name: name.to_owned(),
            class,
            count: number(durations.count()),
            p50: quantile(0.5),
            p99: quantile(0.99),
            max,
        }
    }
}

/// Returns the upper bound of the longest duration, infinite for the last bucket; `None` without durations.
fn upper_bound(durations: &HistogramReading) -> Option<f64> {
    durations.buckets.iter().rev().find(|(_, count)| *count > 0).map(|(upper, _)| *upper)
}

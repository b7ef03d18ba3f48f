//! The charts, as SVG. They are stretched to the width of the page, so their labels are HTML.

use super::{
    format::{minute, number},
    reasons::{OK, color},
    text::ConsoleText,
};
use crate::telemetry::{HistogramReading, RecentMetrics, RecentMinute};

/// The number of minutes in a chart.
const WIDTH: usize = 60;

/// The height of a chart in its own units.
const HEIGHT: f64 = 100.0;

/// The shortest bar, so that a single request is visible.
const MIN_BAR: f64 = 1.5;

/// The range of durations in a chart, as powers of ten of a second.
const DECADES: (f64, f64) = (-5.0, 1.0);

/// A chart of stacked bars, one for each minute.
pub(super) struct BarChart {
    pub(super) title: &'static str,
    /// The value at the upper edge.
    pub(super) top: String,
    /// The description for screen readers.
    pub(super) label: String,
    pub(super) bars: Vec<Bar>,
}

/// The bar of a minute.
pub(super) struct Bar {
    /// The minute, counted from the left.
    pub(super) x: usize,
    pub(super) title: String,
    pub(super) segments: Vec<Segment>,
}

/// The part of a bar for one reason.
pub(super) struct Segment {
    pub(super) color: &'static str,
    pub(super) y: String,
    pub(super) height: String,
}

/// The reasons in a chart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChartedDecisions {
    /// Allowed requests.
    Allowed,
    /// All others.
    Denied,
}

impl BarChart {
    /// Creates a chart of decisions per minute.
    pub(super) fn new(
        recent: &RecentMetrics,
        charted: ChartedDecisions,
        text: &ConsoleText,
    ) -> Self {
        let is_charted = |reason: &str| (reason == OK) == (charted == ChartedDecisions::Allowed);
        let stacks: Vec<Vec<(&str, u64)>> = recent
            .minutes
            .iter()
            .map(|minute| counts_of(minute).filter(|(reason, _)| is_charted(reason)).collect())
            .collect();
        let sums = stacks.iter().map(|stack| stack.iter().map(|(_, count)| count).sum::<u64>());
        let (peak, total) = (sums.clone().max().unwrap_or_default(), sums.sum::<u64>());
        let top = rounded_up(peak);
        let bars =
            recent.minutes.iter().zip(stacks).enumerate().filter(|(_, (_, s))| !s.is_empty());
        let first = WIDTH.saturating_sub(recent.minutes.len());
        let bars = bars.map(|(index, (minute, stack))| bar(first + index, minute, stack, top));
        let title = match charted {
            ChartedDecisions::Allowed => text.allowed_chart,
            ChartedDecisions::Denied => text.denied_chart,
        };
        let (total, peak) = (number(total), number(peak));
        let label = format!("{title}. {}: {total}. {}: {peak}.", text.in_total, text.peak);
        Self { title, top: number(top), label, bars: bars.collect() }
    }
}

/// Returns the counts of a minute, those of the same color next to each other.
fn counts_of(minute: &RecentMinute) -> impl Iterator<Item = (&str, u64)> {
    let mut counts: Vec<(&str, u64)> =
        minute.changes.decisions.iter().map(|(reason, count)| (reason.as_str(), *count)).collect();
    counts.sort_by_key(|(reason, _)| color(reason));
    counts.into_iter()
}

#[expect(clippy::cast_precision_loss, reason = "pixels")]
fn bar(x: usize, start: &RecentMinute, stack: Vec<(&str, u64)>, top: u64) -> Bar {
    let mut y = HEIGHT;
    let segments = stack.iter().map(|(reason, count)| {
        let height = (*count as f64 / top as f64 * HEIGHT).max(MIN_BAR).min(y);
        y -= height;
        Segment { color: color(reason), y: format!("{y:.1}"), height: format!("{height:.1}") }
    });
    let segments = segments.collect();
    let parts: Vec<String> =
        stack.into_iter().map(|(reason, count)| format!("{reason} {}", number(count))).collect();
    Bar { x, title: format!("{} UTC: {}", minute(start.start), parts.join(", ")), segments }
}

/// Returns the least of 1, 2, 5, 10, 20 … that is not less than this number.
fn rounded_up(number: u64) -> u64 {
    let steps = (0..19).map(|power| 10_u64.pow(power));
    let steps = steps.flat_map(|power| [1, 2, 5].map(|factor| power.saturating_mul(factor)));
    steps.into_iter().find(|step| *step >= number).unwrap_or(u64::MAX)
}

/// A chart of durations with a logarithmic scale.
pub(super) struct LineChart {
    /// The description for screen readers.
    pub(super) label: String,
    pub(super) lines: Vec<ChartLine>,
    pub(super) minutes: Vec<LineMinute>,
}

/// A line of a chart.
pub(super) struct ChartLine {
    pub(super) class: &'static str,
    /// The `d` attribute of an SVG path.
    pub(super) path: String,
}

/// A minute with values, and the text that is shown for it.
pub(super) struct LineMinute {
    pub(super) x: usize,
    pub(super) title: String,
}

impl LineChart {
    /// Creates a chart of the 99th percentile of `/validate`, with and without a request to Vault.
    pub(super) fn new(recent: &RecentMetrics, text: &ConsoleText) -> Self {
        let series = [("hit", "cached", text.cached), ("miss", "uncached", text.uncached)];
        let first = WIDTH.saturating_sub(recent.minutes.len());
        let quantile = |minute: &RecentMinute, status: &str| {
            minute.changes.durations.get(status).and_then(|latencies| latencies.quantile(0.99))
        };
        let line = |(status, class, _): &(&str, &'static str, &str)| {
            let values = recent.minutes.iter().map(|minute| quantile(minute, status));
            ChartLine { class, path: path(first, values) }
        };
        let title = |(index, minute_of): (usize, &RecentMinute)| {
            let parts = series.iter().filter_map(|(status, _, name)| {
                let latencies = minute_of.changes.durations.get(*status)?;
                Some(format!("{name}: {}", summary(latencies, text)?))
            });
            let parts: Vec<String> = parts.collect();
            let title = format!("{} UTC, {}", minute(minute_of.start), parts.join("; "));
            (!parts.is_empty()).then_some(LineMinute { x: first + index, title })
        };
        Self {
            label: text.latency_chart.to_owned(),
            lines: series.iter().map(line).collect(),
            minutes: recent.minutes.iter().enumerate().filter_map(title).collect(),
        }
    }
}

fn summary(durations: &HistogramReading, text: &ConsoleText) -> Option<String> {
    let quantile = |q| durations.quantile(q).map(|seconds| text.duration(seconds));
    Some(format!("p50 {}, p99 {}", quantile(0.5)?, quantile(0.99)?))
}

/// Returns the path of a line through these values in seconds, interrupted where there is none.
#[expect(clippy::cast_precision_loss, reason = "pixels")]
fn path(first: usize, values: impl Iterator<Item = Option<f64>>) -> String {
    let mut path = String::new();
    let mut is_interrupted = true;
    for (index, value) in values.enumerate() {
        let Some(seconds) = value else {
            is_interrupted = true;
            continue;
        };
        let (low, high) = DECADES;
        let part = ((seconds.log10() - low) / (high - low)).clamp(0.0, 1.0);
        let (x, y) = ((first + index) as f64 + 0.5, HEIGHT * (1.0 - part));
        // The line of no length makes a single value a dot.
        let command =
            if is_interrupted { format!("M{x} {y:.1}h0") } else { format!("L{x} {y:.1}") };
        path.push_str(&command);
        is_interrupted = false;
    }
    path
}

#[cfg(test)]
mod tests {
    use super::{path, rounded_up};

    #[test]
    fn scale_is_round() {
        for (peak, top) in [(0, 1), (1, 1), (3, 5), (10, 10), (11, 20), (99, 100), (501, 1000)] {
            assert_eq!(rounded_up(peak), top);
        }
        assert!(rounded_up(u64::MAX) == u64::MAX);
    }

    #[test]
    fn line_is_interrupted_without_values() {
        let values = [Some(0.000_01), Some(10.0), None, Some(0.01), Some(1e9)];
        assert_eq!(path(55, values.into_iter()), "M55.5 100.0h0L56.5 0.0M58.5 50.0h0L59.5 0.0");
    }
}

//! The last hour in memory, for the console: the metrics of each minute, and the last denials.

mod denials;
mod history;
mod sample;

pub use denials::{RecentDenial, RecentDenials};
pub use history::{MetricsHistory, RecentMetrics, RecentMinute};
pub use sample::{Counts, Histograms, MetricsSample};

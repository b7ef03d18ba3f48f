use super::{format::number, latency::LatencyRow, text::ConsoleText};
use crate::telemetry::MetricsSample;

/// The requests to Vault of one operation.
pub(super) struct VaultCallRow {
    pub(super) latency: LatencyRow,
    pub(super) failures: String,
    pub(super) has_failures: bool,
}

/// Returns a row for each operation, the slowest first.
pub(super) fn rows(total: &MetricsSample, text: &ConsoleText) -> Vec<VaultCallRow> {
    let mut operations: Vec<_> = total.vault_durations.iter().collect();
    operations.sort_by(|(_, a), (_, b)| {
        b.quantile(0.99).partial_cmp(&a.quantile(0.99)).unwrap_or(std::cmp::Ordering::Equal)
    });
    let row = |(operation, latencies): (&String, _)| {
        let failures = total.vault_failures.get(operation).copied().unwrap_or_default();
        VaultCallRow {
            latency: LatencyRow::new((operation, ""), latencies, text),
            failures: number(failures),
            has_failures: failures > 0,
        }
    };
    operations.into_iter().map(row).collect()
}

use super::{format::number, text::ConsoleText};
use crate::telemetry::{Counts, RecentMetrics};

/// The reason of allowed requests.
pub(super) const OK: &str = "ok";

/// The reasons with a color of their own, by the number of the color. All others share the next one.
const COLORED: [&[&str]; 7] = [
    &["credential_missing"],
    &["token_invalid"],
    &["tenant_mismatch"],
    &["policy_required"],
    &["acl_denied"],
    &["too_many_failures"],
    &["vault_unavailable", "vault_sealed", "vault_throttled", "not_ready", "overloaded"],
];

/// The number of the last minutes, with the current one, that the table of reasons shows on their own.
const LATEST_MINUTES: usize = 5;

/// Returns the CSS class with the color of a reason.
pub(super) fn color(reason: &str) -> &'static str {
    const CLASSES: [&str; 8] = ["c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8"];
    if reason == OK {
        return "c0";
    }
    let index = COLORED.iter().position(|reasons| reasons.contains(&reason));
    CLASSES[index.unwrap_or(COLORED.len())]
}

/// A row of the table of reasons.
pub(super) struct ReasonRow {
    pub(super) color: &'static str,
    pub(super) reason: String,
    pub(super) hour: String,
    pub(super) share: String,
    pub(super) latest: String,
}

/// Returns a row for each reason: allowed requests first, then by count.
pub(super) fn rows(recent: &RecentMetrics, text: &ConsoleText) -> Vec<ReasonRow> {
    let decisions = &recent.total.decisions;
    let all = decisions.values().sum();
    let mut counts: Vec<(&String, u64)> = decisions.iter().map(|(r, count)| (r, *count)).collect();
    counts.sort_by_key(|(reason, count)| (*reason != OK, u64::MAX - count));
    let latest = recent.minutes.iter().rev().take(LATEST_MINUTES);
    let latest: Vec<&Counts> = latest.map(|minute| &minute.changes.decisions).collect();
    let row = |(reason, hour): (&String, u64)| ReasonRow {
        color: color(reason),
        reason: reason.clone(),
        hour: number(hour),
        share: text.percentage(hour, all),
        latest: number(latest.iter().filter_map(|counts| counts.get(reason)).sum()),
    };
    counts.into_iter().map(row).collect()
}

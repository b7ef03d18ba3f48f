//! Output of the results of `tenants rotate --due`.

use serde_json::{Value, json};

use super::{rotation::RotationOutcome, rotation_report::RotationMode};
use crate::{
    cli::output::{TextStyle, pluralize},
    tenants::{RotationInterval, TenantName},
    vault::rotation::RotationReport,
};

/// The result for one tenant.
pub(super) struct Row {
    pub(super) tenant: String,
    /// The rotation interval; `None` if it cannot be read.
    pub(super) interval: Option<RotationInterval>,
    pub(super) outcome: RotationOutcome,
}

/// The results for all tenants.
pub(super) struct Rows {
    mode: RotationMode,
    rows: Vec<Row>,
}

impl Row {
    fn outcome(&self) -> &'static str {
        match &self.outcome {
            RotationOutcome::NotDue => "not_due",
            RotationOutcome::Done(_, report) if report.tally.failed > 0 => "failed",
            RotationOutcome::Done(..) => "done",
            RotationOutcome::InProgress(_) => "in_progress_elsewhere",
            RotationOutcome::Failed(..) => "failed",
            RotationOutcome::Stopped(_) => "stopped",
        }
    }

    fn report(&self) -> Option<&RotationReport> {
        match &self.outcome {
            RotationOutcome::Done(_, report) => Some(report),
            RotationOutcome::Failed(_, report) | RotationOutcome::Stopped(report) => {
                report.as_ref()
            }
            RotationOutcome::NotDue | RotationOutcome::InProgress(_) => None,
        }
    }

    /// Returns the first line of text output; `None` if the rotation is not due.
    fn headline(&self, style: &TextStyle) -> Option<String> {
        let (tenant, every) = (self.tenant.escape_debug(), self.interval);
        match &self.outcome {
            RotationOutcome::NotDue => None,
            RotationOutcome::Done(reason, _) => {
                let every = every.map(|every| format!(" (every {every})")).unwrap_or_default();
                Some(format!("{tenant}: {reason}{every}"))
            }
            RotationOutcome::InProgress(holder) => {
                Some(format!("{tenant}: in progress elsewhere, by {holder}"))
            }
            RotationOutcome::Failed(why, _) => Some(style.error(why)),
            RotationOutcome::Stopped(_) => Some(format!("{tenant}: stopped by a signal")),
        }
    }

    fn as_json(&self, mode: RotationMode) -> Value {
        let reason = match &self.outcome {
            RotationOutcome::Done(reason, _) => Some(reason),
            _ => None,
        };
        let error = match &self.outcome {
            RotationOutcome::Failed(why, _) => Some(why),
            _ => None,
        };
        let holder = match &self.outcome {
            RotationOutcome::InProgress(holder) => Some(holder.to_string()),
            _ => None,
        };
        let report = self.report().zip(TenantName::parse(&self.tenant));
        json!({
            "tenant": self.tenant,
            "every": self.interval.map(|interval| interval.to_string()),
            "outcome": self.outcome(),
            "due_because": reason,
            "error": error,
            "held_by": holder,
            "report": report.map(|(report, tenant)| report.as_json(&tenant, mode)),
        })
    }
}

impl Rows {
    pub(super) fn new(mode: RotationMode) -> Self {
        Self { mode, rows: Vec::new() }
    }

    pub(super) fn push(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// Returns the number of tenants with this outcome.
    pub(super) fn count(&self, outcome: &str) -> u64 {
        self.rows.iter().filter(|row| row.outcome() == outcome).count() as u64
    }

    /// Returns the results as text.
    pub(super) fn as_text(&self, style: &TextStyle) -> String {
        if self.rows.is_empty() {
            return "no tenant has a rotation interval: `tenants set TENANT --rotate-every 90d` \
                    sets one"
                .to_owned();
        }
        let tenants = pluralize(self.rows.len() as u64, "tenant");
        if self.count("not_due") == self.rows.len() as u64 {
            return format!("nothing is due: {tenants} with a rotation interval");
        }
        let mut paragraphs = Vec::new();
        for row in &self.rows {
            let report = row.report().zip(TenantName::parse(&row.tenant));
            let report = report.map(|(report, tenant)| report.as_text(&tenant, self.mode, style));
            let lines: Vec<_> = row.headline(style).into_iter().chain(report).collect();
            if !lines.is_empty() {
                paragraphs.push(lines.join("\n"));
            }
        }
        let done = if self.mode == RotationMode::DryRun { "would be rotated" } else { "rotated" };
        let counts = [
            ("done", done),
            ("not_due", "not due"),
            ("in_progress_elsewhere", "in progress elsewhere"),
            ("stopped", "stopped"),
            ("failed", "failed"),
        ];
        let counts = counts.into_iter().filter_map(|(outcome, words)| {
            let count = self.count(outcome);
            (count > 0).then(|| format!("{count} {words}"))
        });
        let counts = counts.collect::<Vec<_>>().join(", ");
        paragraphs.push(format!("{tenants} with a rotation interval: {counts}"));
        paragraphs.join("\n\n")
    }

    /// Returns the results as JSON.
    pub(super) fn as_json(&self) -> Value {
        let tenants: Vec<_> = self.rows.iter().map(|row| row.as_json(self.mode)).collect();
        json!({
            "dry_run": self.mode == RotationMode::DryRun,
            "done": self.count("done"),
            "not_due": self.count("not_due"),
            "in_progress_elsewhere": self.count("in_progress_elsewhere"),
            "failed": self.count("failed"),
            "tenants": tenants,
        })
    }
}

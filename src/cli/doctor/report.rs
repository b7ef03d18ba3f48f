//! The report of `doctor` as a table and as JSON.

use serde_json::{Value, json};

use crate::{
    cli::output::{TextStyle, align_columns, escape_line},
    diagnostics::{CheckGroup, Finding, Report, Status},
};

/// Returns the report as JSON.
pub(super) fn as_json(report: &Report) -> Value {
    json!({
        "healthy": report.count(Status::Failed) == 0,
        "ok": report.count(Status::Ok),
        "warnings": report.count(Status::Warning),
        "failed": report.count(Status::Failed),
        "skipped": report.count(Status::Skipped),
        "groups": report.groups.iter().map(group_as_json).collect::<Vec<_>>(),
    })
}

fn group_as_json(group: &CheckGroup) -> Value {
    let checks: Vec<_> = group.findings.iter().map(finding_as_json).collect();
    json!({"group": group.id, "title": group.title, "checks": checks})
}

fn finding_as_json(finding: &Finding) -> Value {
    let outcome = match finding.status {
        Status::Failed => "fail",
        other => label(other),
    };
    let remedy = (!finding.remedy.is_empty()).then_some(&finding.remedy);
    json!({
        "check": finding.check,
        "outcome": outcome,
        "detail": finding.message,
        "remedy": remedy,
    })
}

/// Returns the report as text: each group under its title, remedies below their findings, and a
/// summary.
pub(super) fn as_text(report: &Report, style: &TextStyle) -> String {
    let groups = report.groups.iter().map(|group| {
        let next = group.findings.iter().skip(1).map(Some).chain([None]);
        let rows = group.findings.iter().zip(next);
        let rows: Vec<_> = rows.flat_map(|(finding, next)| rows_of(finding, next, style)).collect();
        format!("{}\n{}\n", style.heading(&escape_line(&group.title)), align_columns(&rows))
    });
    groups.chain([summary(report, style)]).collect::<Vec<_>>().join("\n")
}

/// Returns the row of a finding and that of its remedy, which follows the last of consecutive
/// findings with the same remedy.
fn rows_of(finding: &Finding, next: Option<&Finding>, style: &TextStyle) -> Vec<[String; 3]> {
    let label = label(finding.status);
    let label = match finding.status {
        Status::Ok => style.success(label),
        Status::Failed => style.error(label),
        Status::Warning | Status::Skipped => style.warning(label),
    };
    let message = match finding.status {
        Status::Skipped => format!("because {}", finding.message),
        _ => finding.message.clone(),
    };
    let mut rows = vec![[label, finding.check.to_owned(), message]];
    let is_shared = next.is_some_and(|next| next.remedy == finding.remedy);
    if !finding.remedy.is_empty() && !is_shared {
        let remedy = format!("-> {}", finding.remedy);
        rows.push([String::new(), String::new(), remedy]);
    }
    rows
}

fn summary(report: &Report, style: &TextStyle) -> String {
    let count = |status: Status| format!("{} {}", report.count(status), label(status));
    let counts = [Status::Ok, Status::Warning, Status::Failed, Status::Skipped].map(count);
    let counts = counts.join(", ");
    match (report.count(Status::Failed), report.count(Status::Skipped)) {
        (0, 0) => format!("{counts}: {}", style.success("no problems found")),
        (0, _) => {
            format!(
                "{counts}: {}, but not everything was checked",
                style.success("no problems found")
            )
        }
        _ => format!("{counts}: {}", style.error("problems found")),
    }
}

/// Returns the word for a status in text output.
fn label(status: Status) -> &'static str {
    match status {
        Status::Ok => "ok",
        Status::Warning => "warning",
        Status::Failed => "FAIL",
        Status::Skipped => "skipped",
    }
}

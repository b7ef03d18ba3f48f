//! Output of plans and of the outcomes of their steps.

use std::{ops::ControlFlow, process::ExitCode};

use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::{
    cli::output::{Output, Style, columns, counted},
    provision::{Outcome, PlanRow, incomplete_count},
};

/// The message of a run that changes nothing.
const NOTHING_TO_CHANGE: &str = "nothing to change";

/// Prints a plan as text. JSON output contains it in the result.
pub(super) fn print_plan(rows: &[PlanRow], output: Output) {
    if output.is_text() {
        output.print(|| Value::Null, |style| plan_text(rows, style));
    }
}

/// Prints the result of a dry run.
pub(super) fn finish_dry_run(rows: &[PlanRow], output: Output) -> ExitCode {
    let changes = rows.iter().any(|row| row.action != PlanRow::UNCHANGED);
    let next = if changes {
        "nothing was written; run it without --dry-run to apply the plan"
    } else {
        NOTHING_TO_CHANGE
    };
    output.print(|| as_json(rows, &[], &[next.to_owned()]), |_| format!("\n{next}"));
    ExitCode::SUCCESS
}

/// Prints the outcomes of a plan, and the next steps if all of it is complete.
///
/// # Errors
/// Returns the number of steps that are not complete.
pub(super) fn print_outcomes(
    rows: &[PlanRow],
    outcomes: &[Outcome],
    next: &[String],
    output: Output,
) -> Result<ExitCode, String> {
    let incomplete = incomplete_count(outcomes);
    let retry = ["fix the error and run it again: completed steps are kept".to_owned()];
    let next = if incomplete == 0 { next } else { &retry };
    let changed = outcomes.iter().any(|outcome| *outcome != Outcome::Unchanged);
    output.print(
        || as_json(rows, outcomes, next),
        |style| {
            let result = if changed {
                outcome_text(rows, outcomes, style) + "\n"
            } else {
                NOTHING_TO_CHANGE.to_owned()
            };
            let next = next.iter().map(|next| format!("next: {next}"));
            let lines: Vec<_> = [String::new(), result].into_iter().chain(next).collect();
            lines.join("\n")
        },
    );
    match incomplete {
        0 => Ok(ExitCode::SUCCESS),
        _ => Err(format!("{incomplete} of {} not done", counted(rows.len() as u64, "step"))),
    }
}

/// Breaks once a signal has stopped the command.
pub(super) fn unless_stopped(stop: &JoinHandle<()>) -> ControlFlow<()> {
    if stop.is_finished() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

fn plan_text(rows: &[PlanRow], style: &Style) -> String {
    let cells = |row: &PlanRow| {
        let action = match row.action {
            PlanRow::UNCHANGED => row.action.to_owned(),
            PlanRow::UPDATE => style.doubtful(row.action),
            _ => style.good(row.action),
        };
        [action, row.kind.to_owned(), row.name.clone(), row.detail.clone()]
    };
    columns(&rows.iter().map(cells).collect::<Vec<_>>())
}

fn outcome_text(rows: &[PlanRow], outcomes: &[Outcome], style: &Style) -> String {
    let cells = |(row, outcome): (&PlanRow, &Outcome)| {
        let (label, reason) = outcome_label(outcome);
        let label = match outcome {
            Outcome::Unchanged => label.to_owned(),
            Outcome::Done => style.good(label),
            Outcome::Failed(_) => style.bad(label),
            Outcome::NotTried => style.doubtful(label),
        };
        [row.kind.to_owned(), row.name.clone(), label, reason]
    };
    columns(&rows.iter().zip(outcomes).map(cells).collect::<Vec<_>>())
}

/// Returns a plan and its outcomes as JSON. A dry run has no outcomes.
fn as_json(rows: &[PlanRow], outcomes: &[Outcome], next: &[String]) -> Value {
    let step = |(index, row): (usize, &PlanRow)| {
        let (label, reason) = outcomes.get(index).map(outcome_label).unzip();
        json!({
            "action": row.action,
            "kind": row.kind,
            "name": row.name,
            "detail": row.detail,
            "outcome": label,
            "because": reason.filter(|reason| !reason.is_empty()),
        })
    };
    json!({
        "steps": rows.iter().enumerate().map(step).collect::<Vec<_>>(),
        "changed": outcomes.iter().filter(|outcome| **outcome == Outcome::Done).count(),
        "next": next,
    })
}

/// Returns the label of an outcome, and the reason of a failure.
fn outcome_label(outcome: &Outcome) -> (&'static str, String) {
    match outcome {
        Outcome::Unchanged => ("unchanged", String::new()),
        Outcome::Done => ("done", String::new()),
        Outcome::Failed(error) => ("failed", error.to_string()),
        Outcome::NotTried => ("not tried", String::new()),
    }
}

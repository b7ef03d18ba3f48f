//! Output of plans and of the outcomes of their steps.

use std::{ops::ControlFlow, process::ExitCode};

use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::{
    cli::output::{OutputArgs, TextStyle, align_columns, pluralize},
    provisioning::{PlanRow, StepOutcome, incomplete_count},
};

/// The message of a run that changes nothing.
const NOTHING_TO_CHANGE: &str = "nothing to change";

/// Prints a plan as text. JSON output contains it in the result.
pub(super) fn print_plan(rows: &[PlanRow], output: OutputArgs) {
    if output.is_text() {
        output.print(|| Value::Null, |style| plan_text(rows, style));
    }
}

/// Prints the result of a dry run.
pub(super) fn finish_dry_run(rows: &[PlanRow], output: OutputArgs) -> ExitCode {
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
    outcomes: &[StepOutcome],
    next: &[String],
    output: OutputArgs,
) -> Result<ExitCode, String> {
    let incomplete = incomplete_count(outcomes);
    let retry = ["fix the error and run it again: completed steps are kept".to_owned()];
    let next = if incomplete == 0 { next } else { &retry };
    let changed = outcomes.iter().any(|outcome| *outcome != StepOutcome::Unchanged);
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
        _ => Err(format!("{incomplete} of {} not done", pluralize(rows.len() as u64, "step"))),
    }
}

/// Breaks once a signal has stopped the command.
pub(super) fn unless_stopped(stop: &JoinHandle<()>) -> ControlFlow<()> {
    if stop.is_finished() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

fn plan_text(rows: &[PlanRow], style: &TextStyle) -> String {
    let cells = |row: &PlanRow| {
        let action = match row.action {
            PlanRow::UNCHANGED => row.action.to_owned(),
            PlanRow::UPDATE => style.warning(row.action),
            _ => style.success(row.action),
        };
        [action, row.kind.to_owned(), row.name.clone(), row.detail.clone()]
    };
    align_columns(&rows.iter().map(cells).collect::<Vec<_>>())
}

fn outcome_text(rows: &[PlanRow], outcomes: &[StepOutcome], style: &TextStyle) -> String {
    let cells = |(row, outcome): (&PlanRow, &StepOutcome)| {
        let (label, reason) = outcome_label(outcome);
        let label = match outcome {
            StepOutcome::Unchanged => label.to_owned(),
            StepOutcome::Done => style.success(label),
            StepOutcome::Failed(_) => style.error(label),
            StepOutcome::NotTried => style.warning(label),
        };
        [row.kind.to_owned(), row.name.clone(), label, reason]
    };
    align_columns(&rows.iter().zip(outcomes).map(cells).collect::<Vec<_>>())
}

/// Returns a plan and its outcomes as JSON. A dry run has no outcomes.
fn as_json(rows: &[PlanRow], outcomes: &[StepOutcome], next: &[String]) -> Value {
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
        "changed": outcomes.iter().filter(|outcome| **outcome == StepOutcome::Done).count(),
        "next": next,
    })
}

/// Returns the label of an outcome, and the reason of a failure.
fn outcome_label(outcome: &StepOutcome) -> (&'static str, String) {
    match outcome {
        StepOutcome::Unchanged => ("unchanged", String::new()),
        StepOutcome::Done => ("done", String::new()),
        StepOutcome::Failed(error) => ("failed", error.to_string()),
        StepOutcome::NotTried => ("not tried", String::new()),
    }
}

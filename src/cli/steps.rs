//! Plans of steps, and what became of each, as they are shown.

use std::{ops::ControlFlow, process::ExitCode};

use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::{
    cli::output::{Output, Style, columns, counted},
    provision::{Outcome, Plan, State},
};

/// A step, as it is shown before it is taken.
pub(super) struct Line {
    pub(super) verb: &'static str,
    pub(super) kind: &'static str,
    pub(super) name: String,
    pub(super) detail: String,
}

/// A verb that changes nothing.
pub(super) const SAME: &str = "same";

/// A verb that changes what is there.
pub(super) const UPDATE: &str = "update";

impl Line {
    /// The steps of this plan.
    pub(super) fn of(plan: &Plan) -> impl Iterator<Item = Self> {
        plan.steps.iter().map(|step| Self {
            verb: step.verb(),
            kind: step.thing.kind(),
            name: step.thing.name(),
            detail: match &step.state {
                State::Differs(how) => how.clone(),
                _ => step.thing.detail(),
            },
        })
    }
}

/// That all is there.
const NOTHING: &str = "nothing to change";

/// Shows people a plan.
pub(super) fn show(lines: &[Line], output: Output) {
    if output.is_text() {
        output.print(|| Value::Null, |style| plan_text(lines, style));
    }
}

/// Ends a run that only shows.
pub(super) fn end_dry(lines: &[Line], output: Output) -> ExitCode {
    let changes = lines.iter().any(|line| line.verb != SAME);
    let next = if changes { "nothing was written; without --dry-run it is" } else { NOTHING };
    output.print(|| as_json(lines, &[], &[next.to_owned()]), |_| format!("\n{next}"));
    ExitCode::SUCCESS
}

/// Says what became of a plan, and what to do next if all was done.
pub(super) fn report(
    lines: &[Line],
    outcomes: &[Outcome],
    next: &[String],
    output: Output,
) -> Result<ExitCode, String> {
    let undone = undone(outcomes);
    let again = ["mend what failed and run it again: what is done stays".to_owned()];
    let next = if undone == 0 { next } else { &again };
    let changed = outcomes.iter().any(|outcome| *outcome != Outcome::Unchanged);
    output.print(
        || as_json(lines, outcomes, next),
        |style| {
            let became = outcome_text(lines, outcomes, style) + "\n";
            let became = if changed { became } else { NOTHING.to_owned() };
            let next = next.iter().map(|next| format!("next: {next}"));
            let said: Vec<_> = [String::new(), became].into_iter().chain(next).collect();
            said.join("\n")
        },
    );
    match undone {
        0 => Ok(ExitCode::SUCCESS),
        _ => Err(format!("{undone} of {} not done", counted(lines.len(), "step"))),
    }
}

/// How many steps failed or were not tried.
pub(super) fn undone(outcomes: &[Outcome]) -> usize {
    let undone = |outcome: &&Outcome| matches!(outcome, Outcome::Failed(_) | Outcome::NotTried);
    outcomes.iter().filter(undone).count()
}

/// Whether to go on, as long as nobody has said stop.
pub(super) fn unless_stopped(stop: &JoinHandle<()>) -> ControlFlow<()> {
    if stop.is_finished() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

/// A plan for people.
fn plan_text(lines: &[Line], style: &Style) -> String {
    let row = |line: &Line| {
        let verb = match line.verb {
            SAME => line.verb.to_owned(),
            UPDATE => style.doubtful(line.verb),
            _ => style.good(line.verb),
        };
        [verb, line.kind.to_owned(), line.name.clone(), line.detail.clone()]
    };
    columns(&lines.iter().map(row).collect::<Vec<_>>())
}

/// What became of a plan, for people.
fn outcome_text(lines: &[Line], outcomes: &[Outcome], style: &Style) -> String {
    let row = |(line, outcome): (&Line, &Outcome)| {
        let (word, why) = words(outcome);
        let word = match outcome {
            Outcome::Unchanged => word.to_owned(),
            Outcome::Done => style.good(word),
            Outcome::Failed(_) => style.bad(word),
            Outcome::NotTried => style.doubtful(word),
        };
        [line.kind.to_owned(), line.name.clone(), word, why]
    };
    columns(&lines.iter().zip(outcomes).map(row).collect::<Vec<_>>())
}

/// A plan and what became of it, for programs. A plan that was only shown has no outcomes.
fn as_json(lines: &[Line], outcomes: &[Outcome], next: &[String]) -> Value {
    let step = |(place, line): (usize, &Line)| {
        let (word, why) = outcomes.get(place).map(words).unzip();
        json!({
            "action": line.verb,
            "kind": line.kind,
            "name": line.name,
            "detail": line.detail,
            "outcome": word,
            "because": why.filter(|why| !why.is_empty()),
        })
    };
    json!({
        "steps": lines.iter().enumerate().map(step).collect::<Vec<_>>(),
        "changed": outcomes.iter().filter(|outcome| **outcome == Outcome::Done).count(),
        "next": next,
    })
}

/// An outcome in a word, and the reason.
fn words(outcome: &Outcome) -> (&'static str, String) {
    match outcome {
        Outcome::Unchanged => ("unchanged", String::new()),
        Outcome::Done => ("done", String::new()),
        Outcome::Failed(trouble) => ("failed", trouble.to_string()),
        Outcome::NotTried => ("not tried", String::new()),
    }
}

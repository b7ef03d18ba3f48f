use std::{
    io::{self, IsTerminal},
    ops::ControlFlow,
    process::ExitCode,
};

use clap::Args;
use serde_json::json;

use super::plan::{self, ComparisonArgs, extent};
use crate::{
    cli::{
        USAGE_EXIT_CODE,
        operator::Operator,
        output::{OutputArgs, align_columns},
        print_error,
        prompt::confirm,
        signals::shutdown_signal,
    },
    policy::{ApplyOutcome, PolicyChange, PolicyPlan},
    vault,
};

/// Deploy policies to Vault: shows the plan, asks, and writes exactly that.
///
/// A policy that was changed meanwhile is kept. The first write that fails stops the run; written
/// and unwritten policies are listed. Ctrl-C, SIGTERM and a closed terminal stop it between two
/// writes.
#[derive(Args)]
#[command(after_help = "\
Examples:
  vault-auth-validator policies apply policies/
  vault-auth-validator policies apply policies/ --prune
  vault-auth-validator policies apply --yes --output json")]
pub(super) struct ApplyArgs {
    /// Write without asking; with --prune, also delete without asking.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    comparison: ComparisonArgs,
}

impl ApplyArgs {
    pub(super) fn run(self) -> ExitCode {
        if !self.yes && (!io::stdin().is_terminal() || !self.output.is_text()) {
            print_error(
                "apply asks before it writes, but this is not a terminal: review `policies plan` \
                 and add --yes",
            );
            return ExitCode::from(USAGE_EXIT_CODE);
        }
        let Self { yes, comparison, output } = self;
        comparison.run(output, async |operator, plan| {
            if output.is_text() {
                output.print(|| json!(null), |style| plan::as_text(&plan, style));
            }
            if !plan.changes.is_empty() && !yes && !consent(&plan, &operator.address)? {
                return Err("nothing was written".to_owned());
            }
            apply_plan(&plan, operator, output).await
        })
    }
}

/// Asks for confirmation of the writes, and again of deletions.
fn consent(plan: &PolicyPlan, address: &str) -> Result<bool, String> {
    let question = format!("{} in {address}?", extent(plan));
    Ok(confirm(&question)? && (plan.deletions() == 0 || confirm("Delete them permanently?")?))
}

async fn apply_plan(
    plan: &PolicyPlan,
    operator: &Operator,
    output: OutputArgs,
) -> Result<ExitCode, String> {
    let stop = tokio::spawn(shutdown_signal());
    let store = vault::VaultPolicies::new(&operator.session);
    let stop_requested = |_: &PolicyChange, _: &ApplyOutcome| {
        if stop.is_finished() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let outcomes = plan.apply(&store, stop_requested).await;
    let results: Vec<_> = plan.changes.iter().zip(&outcomes).collect();
    let json = || {
        let applied = results.iter().map(|(change, outcome)| {
            let (word, why) = words(outcome);
            json!({"policy": change.name, "action": change.verb(), "outcome": word, "because": why})
        });
        let mut plan = plan::as_json(plan);
        plan["applied"] = applied.collect();
        plan
    };
    output.print(json, |style| {
        let rows = results.iter().map(|(change, outcome)| {
            let (word, why) = words(outcome);
            let word = match outcome {
                ApplyOutcome::Done => style.success(word),
                ApplyOutcome::Skipped => style.warning(word),
                _ => style.error(word),
            };
            [word, change.verb().to_owned(), change.name.escape_debug().to_string(), why]
        });
        let rows: Vec<_> = rows.collect();
        if rows.is_empty() {
            "no changes".to_owned()
        } else {
            format!("\n{}", align_columns(&rows))
        }
    });
    let failed = outcomes.iter().filter(|outcome| **outcome != ApplyOutcome::Done).count();
    match failed {
        0 => Ok(ExitCode::SUCCESS),
        _ => Err(format!(
            "{failed} of {} changes not applied; `policies plan` shows the rest",
            results.len()
        )),
    }
}

/// Returns the outcome as a word, and the reason.
fn words(outcome: &ApplyOutcome) -> (&'static str, String) {
    match outcome {
        ApplyOutcome::Done => ("done", String::new()),
        ApplyOutcome::Conflict => {
            ("overtaken", "changed after the plan was shown; the newer version is kept".into())
        }
        ApplyOutcome::Failed(error) => ("failed", error.to_string()),
        ApplyOutcome::Unknown(error) => ("unknown", format!("it may have been written: {error}")),
        ApplyOutcome::Skipped => ("not tried", String::new()),
    }
}

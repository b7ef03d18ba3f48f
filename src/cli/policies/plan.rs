use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::folder::{LintReport, PolicyFolder};
use crate::{
    cli::{
        operator::{Operator, OperatorArgs},
        output::{OutputArgs, TextStyle, align_columns, escape_line, pluralize},
        sources::ForVault,
        usage_error,
    },
    config::Settings,
    policy::{self, Lint, PolicyChange, PolicyStoreError, TextMatch, UnmanagedPolicies},
    vault,
};

/// The arguments of a comparison between files and Vault.
#[derive(Args)]
pub(super) struct ComparisonArgs {
    #[command(flatten)]
    folder: PolicyFolder,
    /// Delete policies that exist only in Vault.
    #[arg(long)]
    prune: bool,
    /// Ignore findings of this check of `policies lint`. May be repeated.
    #[arg(long = "allow", value_name = "CHECK")]
    allowed: Vec<Lint>,
    #[command(flatten)]
    operator: OperatorArgs<ForVault>,
}

/// Show how Vault's policies would change. Writes nothing.
///
/// Equivalent policies are no change, even if their texts differ. Policies that exist only in
/// Vault are listed. Policies with errors of `policies lint` are not compared.
#[derive(Args)]
#[command(after_help = "\
Examples:
  vault-auth-validator policies plan policies/
  vault-auth-validator policies plan --detailed-exitcode > /dev/null || echo 'changed, or failed'")]
pub(super) struct PlanArgs {
    /// Exit with 0 if nothing would change, 2 if something would, 1 on failure.
    #[arg(long)]
    detailed_exitcode: bool,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    comparison: ComparisonArgs,
}

/// The exit code of `--detailed-exitcode` for changes.
const CHANGES: u8 = 2;

impl ComparisonArgs {
    /// Returns the handling of policies that exist only in Vault.
    fn unmanaged(&self) -> UnmanagedPolicies {
        if self.prune { UnmanagedPolicies::Prune } else { UnmanagedPolicies::Keep }
    }

    /// Lints the policies and, without errors, computes the plan and runs the command.
    pub(super) fn run(
        self,
        output: OutputArgs,
        command: impl AsyncFnOnce(&Operator, policy::PolicyPlan) -> Result<ExitCode, String>,
    ) -> ExitCode {
        let mounts = match Settings::load_mounts(self.operator.clone().sources()) {
            Ok(mounts) => mounts,
            Err(faults) => return usage_error(faults),
        };
        let report = self.folder.lint(&mounts, &self.allowed).and_then(LintReport::without_errors);
        let report = match report {
            Ok(report) => report,
            Err(error) => return error.exit(output),
        };
        let unmanaged = self.unmanaged();
        self.operator.run(async |operator| {
            let store = vault::VaultPolicies::new(&operator.session);
            let at_address = |error: PolicyStoreError| format!("{}: {error}", operator.address);
            let report = if report.depends_on_server() {
                report.for_server(store.server().await.map_err(at_address)?)
            } else {
                report
            };
            let set = match report.without_errors() {
                Ok(LintReport { set, .. }) => set,
                Err(error) => return Ok(error.exit(output)),
            };
            let plan =
                policy::PolicyPlan::compute(&set, &store, unmanaged).await.map_err(at_address)?;
            command(&operator, plan).await
        })
    }
}

impl PlanArgs {
    pub(super) fn run(self) -> ExitCode {
        let output = self.output;
        let mut changes = false;
        let code = self.comparison.run(output, async |_, plan| {
            output.print(|| as_json(&plan), |style| as_text(&plan, style));
            changes = !plan.changes.is_empty();
            Ok(ExitCode::SUCCESS)
        });
        match (self.detailed_exitcode, code == ExitCode::SUCCESS) {
            (false, _) => code,
            (true, true) => ExitCode::from(if changes { CHANGES } else { 0 }),
            // A configuration error must not look like a change.
            (true, false) => ExitCode::FAILURE,
        }
    }
}

/// Formats a plan as text.
pub(super) fn as_text(plan: &policy::PolicyPlan, style: &TextStyle) -> String {
    let diffs = plan.changes.iter().map(|change| coloured(&change.diff(), style));
    let changes = plan.changes.iter().map(|change| row(change.verb(), &change.name, ""));
    let unchanged = plan.unchanged.iter().map(|unchanged| {
        let note = match unchanged.text_match {
            TextMatch::Same => "",
            TextMatch::Differs => "equivalent: comments or layout differ",
        };
        row("same", &unchanged.name, note)
    });
    let kept = plan.unmanaged.iter().map(|name| row("keep", name, "only in Vault"));
    let rows: Vec<_> = changes.chain(unchanged).chain(kept).collect();
    let summary = format!(
        "{} to write or delete, {} unchanged, {} only in Vault",
        plan.changes.len(),
        plan.unchanged.len(),
        plan.unmanaged.len() + plan.deletions(),
    );
    diffs.chain([align_columns(&rows) + "\n", summary]).collect::<Vec<_>>().join("\n")
}

fn row(verb: &str, name: &str, note: &str) -> [String; 3] {
    [verb.to_owned(), name.escape_debug().to_string(), note.to_owned()]
}

fn coloured(diff: &str, style: &TextStyle) -> String {
    let line = |line: &str| match line.chars().next() {
        Some('+') => style.success(line),
        Some('-') => style.error(line),
        Some('@') => style.heading(line),
        _ => line.to_owned(),
    };
    diff.lines().map(|text| line(&escape_line(text)) + "\n").collect()
}

/// Formats a plan as JSON.
pub(super) fn as_json(plan: &policy::PolicyPlan) -> Value {
    let change = |change: &PolicyChange| json!({"policy": change.name, "action": change.verb(), "diff": change.diff()});
    let unchanged = plan.unchanged.iter().map(|unchanged| {
        json!({"policy": unchanged.name, "same_text": unchanged.text_match == TextMatch::Same})
    });
    json!({
        "changes": plan.changes.iter().map(change).collect::<Vec<_>>(),
        "unchanged": unchanged.collect::<Vec<_>>(),
        "unmanaged": plan.unmanaged,
    })
}

/// Returns the numbers of policies that a plan would write and delete.
pub(super) fn extent(plan: &policy::PolicyPlan) -> String {
    let deleted = plan.deletions();
    let written = pluralize(plan.changes.len() - deleted, "policy");
    match deleted {
        0 => format!("write {written}"),
        _ => format!("write {written} and DELETE {}", pluralize(deleted, "policy")),
    }
}

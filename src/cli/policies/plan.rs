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

/// Which policies are compared with which Vault.
#[derive(Args)]
pub(super) struct ComparisonArgs {
    #[command(flatten)]
    folder: PolicyFolder,
    /// Delete policies that are in Vault alone.
    #[arg(long)]
    prune: bool,
    /// Pass over what this check of `policies lint` finds. May be repeated.
    #[arg(long = "allow", value_name = "CHECK")]
    allowed: Vec<Lint>,
    #[command(flatten)]
    operator: OperatorArgs<ForVault>,
}

/// Show how Vault's policies would change. Writes nothing.
///
/// Policies that say the same are no change, however they are written. Those that are in Vault alone
/// are listed. Policies in which `policies lint` finds errors are not compared.
#[derive(Args)]
#[command(after_help = "\
Examples:
  vault-auth-validator policies plan policies/
  vault-auth-validator policies plan --detailed-exitcode > /dev/null || echo 'changed, or failed'")]
pub(super) struct PlanArgs {
    /// Exit with 0 if nothing would change, 2 if something would, 1 if that is not known.
    #[arg(long)]
    detailed_exitcode: bool,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    comparison: ComparisonArgs,
}

/// What `--detailed-exitcode` says of changes.
const CHANGES: u8 = 2;

impl ComparisonArgs {
    /// What becomes of policies that are in Vault alone.
    fn unmanaged(&self) -> UnmanagedPolicies {
        if self.prune { UnmanagedPolicies::Prune } else { UnmanagedPolicies::Keep }
    }

    /// Lints the policies and, if they have no errors, goes on as the operator.
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
            // A fault in the configuration must not pass for a change.
            (true, false) => ExitCode::FAILURE,
        }
    }
}

/// A plan for people.
pub(super) fn as_text(plan: &policy::PolicyPlan, style: &TextStyle) -> String {
    let diffs = plan.changes.iter().map(|change| coloured(&change.diff(), style));
    let changes = plan.changes.iter().map(|change| row(change.verb(), &change.name, ""));
    let unchanged = plan.unchanged.iter().map(|unchanged| {
        let note = match unchanged.text_match {
            TextMatch::Same => "",
            TextMatch::Differs => "in other words: comments or layout differ",
        };
        row("same", &unchanged.name, note)
    });
    let kept = plan.unmanaged.iter().map(|name| row("keep", name, "in Vault alone"));
    let rows: Vec<_> = changes.chain(unchanged).chain(kept).collect();
    let summary = format!(
        "{} to write or delete, {} the same, {} in Vault alone",
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

/// A plan for programs.
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

/// How many policies a plan would write and delete.
pub(super) fn extent(plan: &policy::PolicyPlan) -> String {
    let deleted = plan.deletions();
    let written = pluralize(plan.changes.len() - deleted, "policy");
    match deleted {
        0 => format!("write {written}"),
        _ => format!("write {written} and DELETE {}", pluralize(deleted, "policy")),
    }
}

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::folder::{Folder, Linted};
use crate::{
    cli::{
        operator::{Operator, OperatorArgs},
        output::{OutputArgs, TextStyle, align_columns, escape_line, pluralize},
        sources::ForVault,
        usage_error,
    },
    config::Settings,
    policy::{self, Check, Step, StoreError, Unmanaged, Wording},
    vault,
};

/// Which policies are compared with which Vault.
#[derive(Args)]
pub(super) struct Comparison {
    #[command(flatten)]
    folder: Folder,
    /// Delete policies that are in Vault alone.
    #[arg(long)]
    prune: bool,
    /// Pass over what this check of `policies lint` finds. May be repeated.
    #[arg(long = "allow", value_name = "CHECK")]
    allowed: Vec<Check>,
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
pub(super) struct Plan {
    /// Exit with 0 if nothing would change, 2 if something would, 1 if that is not known.
    #[arg(long)]
    detailed_exitcode: bool,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    comparison: Comparison,
}

/// What `--detailed-exitcode` says of changes.
const CHANGES: u8 = 2;

impl Comparison {
    /// What becomes of policies that are in Vault alone.
    fn unmanaged(&self) -> Unmanaged {
        if self.prune { Unmanaged::Pruned } else { Unmanaged::Kept }
    }

    /// Lints the policies and, if they have no errors, goes on as the operator.
    pub(super) fn run(
        self,
        output: OutputArgs,
        command: impl AsyncFnOnce(&Operator, policy::Plan) -> Result<ExitCode, String>,
    ) -> ExitCode {
        let mounts = match Settings::load_mounts(self.operator.clone().sources()) {
            Ok(mounts) => mounts,
            Err(faults) => return usage_error(faults),
        };
        let linted = self.folder.lint(&mounts, &self.allowed).and_then(Linted::without_errors);
        let linted = match linted {
            Ok(linted) => linted,
            Err(error) => return error.exit(output),
        };
        let unmanaged = self.unmanaged();
        self.operator.run(async |operator| {
            let store = vault::VaultPolicies::new(&operator.session);
            let at_address = |error: StoreError| format!("{}: {error}", operator.address);
            let linted = if linted.depends_on_server() {
                linted.for_server(store.server().await.map_err(at_address)?)
            } else {
                linted
            };
            let set = match linted.without_errors() {
                Ok(Linted { set, .. }) => set,
                Err(error) => return Ok(error.exit(output)),
            };
            let plan = policy::Plan::draw(&set, &store, unmanaged).await.map_err(at_address)?;
            command(&operator, plan).await
        })
    }
}

impl Plan {
    pub(super) fn run(self) -> ExitCode {
        let output = self.output;
        let mut changes = false;
        let code = self.comparison.run(output, async |_, plan| {
            output.print(|| as_json(&plan), |style| as_text(&plan, style));
            changes = !plan.steps.is_empty();
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
pub(super) fn as_text(plan: &policy::Plan, style: &TextStyle) -> String {
    let diffs = plan.steps.iter().map(|step| coloured(&step.diff(), style));
    let steps = plan.steps.iter().map(|step| row(step.verb(), &step.name, ""));
    let unchanged = plan.unchanged.iter().map(|unchanged| {
        let note = match unchanged.wording {
            Wording::Same => "",
            Wording::Differs => "in other words: comments or layout differ",
        };
        row("same", &unchanged.name, note)
    });
    let kept = plan.unmanaged.iter().map(|name| row("keep", name, "in Vault alone"));
    let rows: Vec<_> = steps.chain(unchanged).chain(kept).collect();
    let summary = format!(
        "{} to write or delete, {} the same, {} in Vault alone",
        plan.steps.len(),
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
pub(super) fn as_json(plan: &policy::Plan) -> Value {
    let change =
        |step: &Step| json!({"policy": step.name, "action": step.verb(), "diff": step.diff()});
    let unchanged = plan.unchanged.iter().map(|unchanged| {
        json!({"policy": unchanged.name, "same_text": unchanged.wording == Wording::Same})
    });
    json!({
        "changes": plan.steps.iter().map(change).collect::<Vec<_>>(),
        "unchanged": unchanged.collect::<Vec<_>>(),
        "unmanaged": plan.unmanaged,
    })
}

/// How many policies a plan would write and delete.
pub(super) fn extent(plan: &policy::Plan) -> String {
    let deleted = plan.deletions();
    let written = pluralize(plan.steps.len() - deleted, "policy");
    match deleted {
        0 => format!("write {written}"),
        _ => format!("write {written} and DELETE {}", pluralize(deleted, "policy")),
    }
}

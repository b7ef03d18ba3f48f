//! Vault's ACL policies, from files to Vault.

mod apply;
mod dev;
mod folder;
mod lint;
mod plan;
mod test;

pub(super) use self::folder::{FolderError, PolicyFolder, check_accepted_by};

use std::process::ExitCode;

use clap::{Args, Subcommand};

/// Lint, compare, load and try out Vault's ACL policies.
///
/// They are the `*.hcl` of a folder, each under the name of its file. Vault's own, such as `root` and
/// `default`, are never touched.
#[derive(Args)]
#[command(after_help = "\
Examples:
  vault-auth-validator policies lint policies/
  vault-auth-validator policies test --dev policies/
  vault-auth-validator policies plan policies/
  vault-auth-validator policies apply policies/")]
pub(super) struct Policies {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Lint(lint::LintArgs),
    PolicyPlan(plan::PlanArgs),
    Apply(apply::ApplyArgs),
    Test(test::TestArgs),
}

impl Policies {
    pub(super) fn run(self) -> ExitCode {
        match self.command {
            Command::Lint(lint) => lint.run(),
            Command::PolicyPlan(plan) => plan.run(),
            Command::Apply(apply) => apply.run(),
            Command::Test(test) => test.run(),
        }
    }
}

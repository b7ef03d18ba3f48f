//! The commands for Vault's ACL policies.

mod apply;
mod dev;
mod folder;
mod lint;
mod plan;
mod test;

pub(super) use self::folder::{FolderError, PolicyFolder, check_accepted_by};

use std::process::ExitCode;

use clap::{Args, Subcommand};

/// Lint, compare, deploy and test Vault's ACL policies.
///
/// Policies are the `*.hcl` files of a folder, named after the file. Vault's built-in policies,
/// such as `root` and `default`, are never changed.
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
    Plan(plan::PlanArgs),
    Apply(apply::ApplyArgs),
    Test(test::TestArgs),
}

impl Policies {
    pub(super) fn run(self) -> ExitCode {
        match self.command {
            Command::Lint(lint) => lint.run(),
            Command::Plan(plan) => plan.run(),
            Command::Apply(apply) => apply.run(),
            Command::Test(test) => test.run(),
        }
    }
}

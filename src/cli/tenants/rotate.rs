use std::{process::ExitCode, time::Duration};

use clap::Args;

use super::{
    confirm::Confirm,
    due::{RotateDue, parse_repeat},
    rotation::{rotate, survey},
    rotation_report::RotationMode,
    wait::WaitArgs,
};
use crate::{
    cli::{
        names::parse_tenant,
        output::{OutputArgs, pluralize},
        secret_client::SecretClientArgs,
        usage_error,
    },
    tenants::TenantName,
    vault::rotation::{OldVersions, RotationReport},
};

/// Rotate a tenant's key, and rewrap its secrets with the new version.
///
/// Vault rewraps the secrets: no plaintext leaves it, and the token needs no permission to decrypt
/// (policies/key-rotator.hcl grants what is needed, and policies/version-destroyer.hcl what
/// --destroy-old-versions needs in addition). Each secret gets a new version with the same content,
/// unless another writer adds one at the same time, which is kept. An interrupted rotation is resumed on
/// the next run. One process at a time rotates a tenant's key; another one waits for it, and then starts
/// no second rotation.
///
/// Versions of a secret before its latest cannot be rewrapped. They remain readable, and the version of
/// the key that they need remains in use; --destroy-old-versions destroys them, and asks for the
/// tenant's name first. Vault decrypts with an older version of the key until nothing needs it.
///
/// --due rotates the key of every tenant that has a rotation interval (`tenants set --rotate-every`) and
/// whose key has that age by Vault's clock, whose last rotation was interrupted, or whose key was rotated
/// by Vault itself, which does not rewrap the secrets. A tenant whose key another process is rotating is
/// skipped. It is meant for a timer, and may run several times at once. The failure of one tenant does
/// not stop the others; the exit code is then 1.
#[derive(Args)]
#[command(after_help = "\
Examples:
  vault-auth-validator tenants rotate acme --dry-run
  vault-auth-validator tenants rotate acme
  vault-auth-validator tenants rotate acme --destroy-old-versions
  vault-auth-validator tenants rotate acme --destroy-old-versions --confirm acme
  vault-auth-validator tenants rotate --due --dry-run
  vault-auth-validator tenants rotate --due
  vault-auth-validator tenants rotate --due --repeat 1d")]
pub(super) struct Rotate {
    /// The tenant.
    #[arg(value_parser = parse_tenant, required_unless_present = "due", conflicts_with = "due")]
    tenant: Option<TenantName>,
    /// Every tenant whose rotation is due.
    #[arg(long, conflicts_with_all = ["destroy_old_versions", "confirm", "wait"])]
    due: bool,
    /// With --due: repeat it at this interval until SIGTERM or SIGINT. After a failure the interval is
    /// at most an hour.
    #[arg(long, value_name = "DURATION", value_parser = parse_repeat, requires = "due", conflicts_with_all = ["tenant", "dry_run"])]
    repeat: Option<Duration>,
    /// Report what would be done, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Permanently destroy the versions of secrets that still need an older version of the key: those
    /// that have a live successor, and deleted ones, which cannot be checked.
    #[arg(long)]
    destroy_old_versions: bool,
    #[command(flatten)]
    confirm: Confirm,
    #[command(flatten)]
    wait: WaitArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    store: SecretClientArgs,
}

impl Rotate {
    pub(super) fn run(self) -> ExitCode {
        if let Some(tenant) = self.tenant.clone() {
            return self.run_for(&tenant);
        }
        let mode = if self.dry_run { RotationMode::DryRun } else { RotationMode::Apply };
        let Self { repeat, output, store, .. } = self;
        RotateDue { mode, repeat, output, store }.run()
    }

    fn run_for(self, tenant: &TenantName) -> ExitCode {
        let old_versions =
            if self.destroy_old_versions { OldVersions::Destroy } else { OldVersions::Keep };
        let is_irreversible = self.destroy_old_versions && !self.dry_run;
        let fault = self.confirm.fault(tenant, "rotate --destroy-old-versions");
        if let Some(fault) = fault.filter(|_| is_irreversible) {
            return usage_error(fault);
        }
        self.store.clone().run(async |store| {
            if is_irreversible {
                self.confirm.ask(tenant, &consequence(tenant))?;
            }
            let (mode, (report, outcome)) = if self.dry_run {
                (RotationMode::DryRun, survey(&store, tenant, old_versions).await)
            } else {
                (RotationMode::Apply, rotate(&store, tenant, old_versions, self.wait.wait).await)
            };
            let failed = report.as_ref().map_or(0, |report| report.tally.failed);
            if let Some(report) = report {
                self.print(tenant, &report, mode);
            }
            outcome?;
            match failed {
                0 => Ok(ExitCode::SUCCESS),
                failed => Err(format!("{} could not be processed", pluralize(failed, "secret"))),
            }
        })
    }

    fn print(&self, tenant: &TenantName, report: &RotationReport, mode: RotationMode) {
        self.output
            .print(|| report.as_json(tenant, mode), |style| report.as_text(tenant, mode, style));
    }
}

fn consequence(tenant: &TenantName) -> String {
    format!(
        "This destroys every version of {tenant}'s secrets, except the latest, that needs an older \
         version of the key, and every deleted version that may need one."
    )
}

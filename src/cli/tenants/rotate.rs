use std::{process::ExitCode, time::Duration};

use clap::Args;

use super::{
    confirm::Confirm,
    due::{RotateDue, repeat},
    rotation::{rotate, survey},
    rotation_report::Mode,
    wait::WaitArgs,
};
use crate::{
    cli::{
        misused,
        names::tenant,
        output::{Output, counted},
        store::StoreArgs,
    },
    tenants::TenantName,
    vault::rotation::{OldVersions, RotationReport},
};

/// Rotate a tenant's key, and encrypt its secrets anew with the new version.
///
/// Vault does it: no secret leaves it in the clear, and the token needs no right to decrypt
/// (policies/key-rotator.hcl has what it needs, and policies/version-destroyer.hcl what
/// --destroy-old-versions needs besides). Each secret gets a new version that says the same,
/// unless somebody writes one meanwhile, which stays. It may be ended anywhere and run again: a
/// rotation that was not finished is then gone on with. One process at a time rotates a tenant's key;
/// another waits for it, and then begins no second rotation.
///
/// Versions of a secret that are not its latest cannot be encrypted anew. They stay readable, and
/// the version of the key that they need stays in use; --destroy-old-versions ends that, and asks for
/// the tenant's name first. Only once nothing needs an older version of the key does Vault refuse to
/// decrypt with it.
///
/// --due does it for every tenant that has a rotation interval (`tenants set --rotate-every`) and
/// whose key is that old by Vault's clock, whose last rotation was not finished, or whose key Vault
/// has rotated by itself, which leaves the secrets behind. A tenant that another process is rotating
/// is left to it. It is meant for a timer, and may be run twice at once. A tenant that fails does not
/// keep the others; the exit code is then 1.
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
    #[arg(value_parser = tenant, required_unless_present = "due", conflicts_with = "due")]
    tenant: Option<TenantName>,
    /// Every tenant whose rotation is due.
    #[arg(long, conflicts_with_all = ["destroy_old_versions", "confirm", "wait"])]
    due: bool,
    /// With --due: do it at once and then again after each pause of this length, until SIGTERM or
    /// SIGINT. After a round that failed the pause is an hour at most.
    #[arg(long, value_name = "DURATION", value_parser = repeat, requires = "due", conflicts_with_all = ["tenant", "dry_run"])]
    repeat: Option<Duration>,
    /// Say what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
    /// Destroy, for good, what still needs an older version of the key: versions of secrets that have
    /// a live successor, and those that were deleted, of which nobody can tell.
    #[arg(long)]
    destroy_old_versions: bool,
    #[command(flatten)]
    confirm: Confirm,
    #[command(flatten)]
    wait: WaitArgs,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    store: StoreArgs,
}

impl Rotate {
    pub(super) fn run(self) -> ExitCode {
        if let Some(tenant) = self.tenant.clone() {
            return self.run_for(&tenant);
        }
        let mode = if self.dry_run { Mode::Survey } else { Mode::Rotation };
        let Self { repeat, output, store, .. } = self;
        RotateDue { mode, repeat, output, store }.run()
    }

    fn run_for(self, tenant: &TenantName) -> ExitCode {
        let old_versions =
            if self.destroy_old_versions { OldVersions::Destroy } else { OldVersions::Keep };
        let is_irreversible = self.destroy_old_versions && !self.dry_run;
        let fault = self.confirm.fault(tenant, "rotate --destroy-old-versions");
        if let Some(fault) = fault.filter(|_| is_irreversible) {
            return misused(fault);
        }
        self.store.clone().run(async |store| {
            if is_irreversible {
                self.confirm.ask(tenant, &consequence(tenant))?;
            }
            let (mode, (report, outcome)) = if self.dry_run {
                (Mode::Survey, survey(&store, tenant, old_versions).await)
            } else {
                (Mode::Rotation, rotate(&store, tenant, old_versions, self.wait.wait).await)
            };
            let failed = report.as_ref().map_or(0, |report| report.tally.failed);
            if let Some(report) = report {
                self.print(tenant, &report, mode);
            }
            outcome?;
            match failed {
                0 => Ok(ExitCode::SUCCESS),
                failed => Err(format!("{} could not be dealt with", counted(failed, "secret"))),
            }
        })
    }

    fn print(&self, tenant: &TenantName, report: &RotationReport, mode: Mode) {
        self.output
            .print(|| report.as_json(tenant, mode), |style| report.as_text(tenant, mode, style));
    }
}

fn consequence(tenant: &TenantName) -> String {
    format!(
        "This destroys every version of {tenant}'s secrets but the latest that needs an older \
         version of the key, and every deleted one that may."
    )
}

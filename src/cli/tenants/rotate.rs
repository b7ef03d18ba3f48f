use std::{pin::pin, process::ExitCode, time::Duration};

use clap::Args;
use futures_util::TryStreamExt;
use serde_json::{Value, json};

use crate::{
    cli::{
        output::{Output, Style, columns, counted, note},
        progress::Progress,
        secrets::tenant,
        store::{Store, StoreArgs, remedy},
    },
    secrets::SecretError,
    tenants::{KeyVersions, Tally, TenantName},
    vault::Task,
};

/// Rotate a tenant's key, and encrypt its secrets anew with the new version.
///
/// Vault does it: no secret leaves it in the clear, and the token needs no right to decrypt
/// (policies/key-rotator.hcl has what it needs). Each secret gets a new version that says the same,
/// unless somebody writes one meanwhile, which stays. It may be ended anywhere, run twice at once,
/// and run again: a rotation that was not finished is then gone on with, and no other begun.
///
/// Versions of a secret that are not its latest cannot be encrypted anew. They stay readable, and
/// the version of the key that they need stays in use; --destroy-old-versions ends that. Only once
/// nothing needs an older version of the key does Vault refuse to decrypt with it.
#[derive(Args)]
#[command(after_help = "\
Examples:
  vault-auth-validator tenants rotate acme --dry-run
  vault-auth-validator tenants rotate acme
  vault-auth-validator tenants rotate acme --destroy-old-versions")]
pub(super) struct Rotate {
    /// The tenant.
    #[arg(value_parser = tenant)]
    tenant: TenantName,
    /// Say what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
    /// Destroy, for good, what still needs an older version of the key: versions of secrets that have
    /// a successor, and those that were deleted, of which nobody can tell.
    #[arg(long)]
    destroy_old_versions: bool,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    store: StoreArgs,
}

/// What was done, or would be.
struct Done {
    /// Whether the key has, or would have, a new version.
    rotated: bool,
    /// What the secrets were brought to.
    key: KeyVersions,
    tally: Tally,
}

impl Rotate {
    pub(super) fn run(self) -> ExitCode {
        self.store.clone().run(async |store| {
            let tenant = &self.tenant;
            let done = self.rotate(&store).await.map_err(|error| {
                let remedy = match &error {
                    SecretError::Denied => {
                        "; it needs what policies/key-rotator.hcl grants".to_owned()
                    }
                    SecretError::Unavailable(_) | SecretError::Unsettled(_) => {
                        ". Nothing is lost; run it again to go on".to_owned()
                    }
                    error => remedy(error, tenant),
                };
                format!("{tenant}: {error}{remedy}")
            })?;
            self.output.print(|| self.as_json(&done), |style| self.as_text(&done, style));
            match done.tally.failed {
                0 => Ok(ExitCode::SUCCESS),
                failed => Err(format!("{} could not be dealt with", counted(failed, "secret"))),
            }
        })
    }

    async fn rotate(&self, store: &Store) -> Result<Done, SecretError> {
        let tenant = &self.tenant;
        let key = store.with(async |secrets| secrets.key(tenant).await).await?;
        let glance = self.go_through(store, key.latest, Task::Glance, 0).await?;
        let retiring = self.destroy_old_versions && key.oldest < key.latest;
        let unfinished = glance.behind > 0 || retiring;
        if self.dry_run {
            let latest = if unfinished { key.latest } else { key.latest + 1 };
            let tally = self.go_through(store, latest, Task::Survey, glance.secrets).await?;
            let key = KeyVersions { latest, ..key };
            return Ok(Done { rotated: !unfinished, key, tally });
        }
        if !unfinished {
            store.with(async |secrets| secrets.rotate_key(tenant).await).await?;
        }
        let key = store.with(async |secrets| secrets.key(tenant).await).await?;
        settle(store).await;
        let task = if self.destroy_old_versions { Task::RewrapAndDestroy } else { Task::Rewrap };
        let tally = self.go_through(store, key.latest, task, glance.secrets).await?;
        let key = self.retire(store, key, &tally).await?;
        Ok(Done { rotated: !unfinished, key, tally })
    }

    /// Lets no version of the key decrypt any more that nothing needs.
    async fn retire(
        &self,
        store: &Store,
        key: KeyVersions,
        tally: &Tally,
    ) -> Result<KeyVersions, SecretError> {
        let needed = tally.oldest_needed(key.latest);
        let Some(oldest) = needed.filter(|oldest| *oldest > key.oldest) else { return Ok(key) };
        store.with(async |secrets| secrets.retire_key_before(&self.tenant, oldest).await).await?;
        Ok(KeyVersions { oldest, ..key })
    }

    async fn go_through(
        &self,
        store: &Store,
        key_version: u64,
        task: Task,
        total: u64,
    ) -> Result<Tally, SecretError> {
        let what = match task {
            Task::Glance | Task::Survey => "looking at secrets",
            Task::Rewrap | Task::RewrapAndDestroy => "encrypting anew",
        };
        let mut progress = Progress::new(what, total);
        let mut tally = Tally::default();
        let walk = store.with(async |secrets| {
            let mut standings = pin!(secrets.bring_to(&self.tenant, key_version, task));
            while let Some((name, standing)) = standings.try_next().await? {
                match standing {
                    Ok(standing) => tally.add(name.as_str(), &standing),
                    Err(error) => {
                        tally.fail(
                            name.as_str(),
                            format!("{error}{}", remedy(&error, &self.tenant)),
                        );
                    }
                }
                progress.step();
            }
            Ok(())
        });
        walk.await.map(|()| tally)
    }

    fn as_text(&self, done: &Done, style: &Style) -> String {
        let Done { rotated, key, tally } = done;
        let (tenant, latest) = (&self.tenant, key.latest);
        let mut lines = vec![match (rotated, self.dry_run) {
            (true, false) => format!("The key of {tenant} has a new version, {latest}."),
            (true, true) => format!("The key of {tenant} would get a new version, {latest}."),
            (false, _) => format!(
                "The key of {tenant} has version {latest}, and that rotation was not finished: \
                 this goes on with it."
            ),
        }];
        let (number, verb) = if self.dry_run {
            (tally.behind, "to be encrypted anew")
        } else {
            (tally.rewrapped, "encrypted anew")
        };
        lines.push(format!("{number} of {} {verb}.", counted(tally.secrets, "secret")));
        if tally.destroyed > 0 {
            lines.push(format!("{} destroyed.", counted(tally.destroyed, "older version")));
        }
        lines.extend(self.remaining(done));
        if tally.failed > 0 {
            lines.push(
                style.bad(&format!("{} could not be dealt with:", counted(tally.failed, "secret"))),
            );
            let rows = tally.failures.iter().map(|(name, why)| [name.clone(), why.clone()]);
            lines.push(columns(&rows.collect::<Vec<_>>()));
        }
        if key.oldest == latest {
            lines.push("No older version of the key decrypts any more.".to_owned());
        }
        lines.join("\n")
    }

    /// What still needs an older version of the key, and what to do about it.
    fn remaining(&self, Done { key, tally, .. }: &Done) -> Vec<String> {
        if tally.remaining == 0 {
            return Vec::new();
        }
        let would = if self.dry_run { "would " } else { "" };
        let (versions, secrets) =
            (counted(tally.remaining, "older version"), counted(tally.remaining_in, "secret"));
        let mut lines = vec![format!(
            "{versions} of {secrets} {would}need an older version of the key, or may: it stays in \
             use, from {} on, and they stay readable.",
            key.oldest
        )];
        let row = |(name, versions): &(String, Vec<u64>)| {
            let versions: Vec<String> = versions.iter().map(u64::to_string).collect();
            [name.clone(), format!("version {}", versions.join(", "))]
        };
        lines.push(columns(&tally.examples.iter().map(row).collect::<Vec<_>>()));
        let others = tally.remaining_in - tally.examples.len() as u64;
        if others > 0 {
            lines.push(format!("  and of {}", counted(others, "other secret")));
        }
        if tally.unknown > 0 {
            lines.push(format!("{} of them deleted, so that nobody can tell.", tally.unknown));
        }
        lines.push("--destroy-old-versions destroys them, and ends that.".to_owned());
        lines
    }

    fn as_json(&self, Done { rotated, key, tally }: &Done) -> Value {
        let remaining = tally.examples.iter();
        let remaining =
            remaining.map(|(name, versions)| json!({"name": name, "versions": versions}));
        let failures = tally.failures.iter();
        let failures = failures.map(|(name, why)| json!({"name": name, "because": why}));
        json!({
            "tenant": self.tenant.as_str(),
            "dry_run": self.dry_run,
            "rotated": rotated,
            "key_version": key.latest,
            "min_decryption_version": key.oldest,
            "secrets": tally.secrets,
            "behind": tally.behind,
            "rewrapped": tally.rewrapped,
            "versions_destroyed": tally.destroyed,
            "remaining": {
                "versions": tally.remaining,
                "secrets": tally.remaining_in,
                "deleted": tally.unknown,
                "first": remaining.collect::<Vec<_>>(),
            },
            "failed": {
                "secrets": tally.failed,
                "first": failures.collect::<Vec<_>>(),
            },
        })
    }
}

/// Lets writes come to their end that began with the older version of the key. Each is two calls,
/// none of which takes longer than a call may.
async fn settle(store: &Store) {
    let pause: Duration = 2 * store.operator.session.client().timeout();
    note(&format!("waiting {pause:?} for writes that began before\n"));
    tokio::time::sleep(pause).await;
}

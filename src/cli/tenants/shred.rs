use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::confirm::Confirm;
use crate::{
    cli::{
        misused,
        names::tenant,
        output::{Output, counted},
        progress::Progress,
        store::{Store, StoreArgs},
    },
    secrets::{SecretError, SecretPath},
    tenants::TenantName,
    vault::{Secrets, TenantSettings},
};

/// Delete a tenant's key, so that all its secrets are unreadable for good.
///
/// Asks for the tenant's name, on the terminal or with --confirm. What Vault keeps of the secrets is
/// then ciphertext that nobody can decrypt; --purge deletes it as well. A backup of Vault from
/// before has the key in it still. The tenant's services keep their tokens and roles, and people belong
/// to it still: `tenants remove` comes after.
#[derive(Args)]
#[command(after_help = "\
Examples:
  vault-auth-validator tenants shred acme
  vault-auth-validator tenants shred acme --purge --confirm acme")]
pub(super) struct Shred {
    /// The tenant.
    #[arg(value_parser = tenant)]
    tenant: TenantName,
    #[command(flatten)]
    confirm: Confirm,
    /// Delete the secrets' ciphertexts too, with all their versions.
    #[arg(long)]
    purge: bool,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    store: StoreArgs,
}

/// What was done.
struct Done {
    /// Whether there was a key.
    key: bool,
    /// How many secrets there are, if the token may know.
    secrets: Option<u64>,
    purged: u64,
}

impl Shred {
    pub(super) fn run(self) -> ExitCode {
        let tenant = &self.tenant;
        if let Some(fault) = self.confirm.fault(tenant, "shred") {
            return misused(fault);
        }
        self.store.clone().run(async |store| {
            let done = self.shred(&store).await?;
            self.output.print(|| self.as_json(&done), |_| self.as_text(&done));
            Ok(ExitCode::SUCCESS)
        })
    }

    async fn shred(&self, store: &Store) -> Result<Done, String> {
        let tenant = &self.tenant;
        let why = |error: SecretError| {
            let remedy = match error {
                SecretError::Denied => "; policies/operator.hcl has what it takes",
                _ => "",
            };
            format!("{tenant}: {error}{remedy}")
        };
        let found = store.with(async |secrets| {
            let key = secrets.has_key(tenant).await?;
            match secrets.count(tenant).await {
                Ok(count) => Ok((key, Some(count))),
                // The policy `operator` manages keys, and knows nothing of secrets.
                Err(SecretError::Denied) => Ok((key, None)),
                Err(error) => Err(error),
            }
        });
        let (key, secrets) = found.await.map_err(why)?;
        let mut done = Done { key, secrets, purged: 0 };
        if !key && !self.purge {
            self.remove_settings(store).await?;
            return Ok(done);
        }
        self.ask(&done)?;
        if key {
            let deleted = store.with(async |secrets| secrets.delete_key(tenant).await).await;
            deleted.map_err(|error| {
                format!("{tenant}: {error}; the key may be there still: run this again")
            })?;
        }
        self.remove_settings(store).await?;
        if self.purge {
            let purged = store.with(async |secrets| purge(secrets, tenant).await).await;
            done.purged = purged.map_err(|error| {
                format!(
                    "{tenant}: the key is gone, and not all ciphertexts are deleted: {error}; run \
                     this again"
                )
            })?;
        }
        Ok(done)
    }

    /// They go with the key. A tenant that is made later under this name begins without any.
    async fn remove_settings(&self, store: &Store) -> Result<(), String> {
        let settings = TenantSettings::new(&store.operator.session, &store.mounts);
        let removed = settings.remove(&self.tenant).await;
        removed.map_err(|trouble| {
            format!("{}: the key is gone, and its settings are not: {trouble}", self.tenant)
        })
    }

    fn ask(&self, done: &Done) -> Result<(), String> {
        let (tenant, secrets) = (&self.tenant, all(done.secrets));
        let what = if done.key {
            format!("This makes {secrets} of {tenant} unreadable for good, in every version.")
        } else {
            format!("This deletes the ciphertexts of {secrets} of {tenant}.")
        };
        self.confirm.ask(tenant, &what)
    }

    fn as_text(&self, done: &Done) -> String {
        let (tenant, secrets) = (&self.tenant, all(done.secrets));
        let key = if done.key {
            format!(
                "the key of {tenant} is deleted: {secrets} unreadable for good, in every version.\n\
                 Backups of Vault from before have the key in them still."
            )
        } else {
            format!("{tenant} has no key: it was shredded before, or never had one.")
        };
        let left = match (self.purge, done.secrets) {
            (true, _) => format!("{} deleted with all versions.\n", counted(done.purged, "secret")),
            (false, Some(0)) => String::new(),
            (false, None) if !done.key => String::new(),
            (false, _) => {
                format!(
                    "{secrets} left as ciphertext that nobody can decrypt; --purge deletes it.\n"
                )
            }
        };
        if !done.key {
            return format!(
                "{key}\n{left}`vault-auth-validator tenants show {tenant}` tells who belongs to it still."
            );
        }
        format!(
            "{key}\n{left}Services of {tenant} keep their AppRoles and tokens, and people belong to it \
             still: `vault-auth-validator tenants remove {tenant}` ends that."
        )
    }

    fn as_json(&self, done: &Done) -> serde_json::Value {
        json!({
            "tenant": self.tenant.as_str(),
            "key_deleted": done.key,
            "secrets_unreadable": done.secrets,
            "secrets_purged": done.purged,
        })
    }
}

async fn purge(secrets: Secrets<'_>, tenant: &TenantName) -> Result<u64, SecretError> {
    let mut progress = Progress::new("deleting", 0);
    let mut names = secrets.names(tenant);
    let mut count = 0;
    while let Some(name) = names.next().await? {
        secrets.purge(&SecretPath { tenant: tenant.clone(), name }).await?;
        progress.step();
        count += 1;
    }
    Ok(count)
}

/// So many secrets. The number is not known to a token that may not list them.
fn all(secrets: Option<u64>) -> String {
    secrets.map_or_else(|| "every secret".to_owned(), |secrets| counted(secrets, "secret"))
}

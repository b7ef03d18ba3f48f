use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::confirm::Confirm;
use crate::{
    cli::{
        names::parse_tenant,
        output::{OutputArgs, pluralize},
        progress::ProgressBar,
        secret_client::{SecretClient, SecretClientArgs},
        usage_error,
    },
    secrets::{SecretError, SecretPath},
    tenants::TenantName,
    vault::{SecretsClient, TenantSettings},
};

/// Delete a tenant's key, so that all its secrets are permanently unreadable.
///
/// Asks for the tenant's name, on the terminal or with --confirm. Vault keeps the secrets' ciphertext,
/// which can no longer be decrypted; --purge deletes it as well. Earlier backups of Vault still contain
/// the key. The tenant's services keep their tokens and roles, and its people remain members: run
/// `tenants remove` afterwards.
#[derive(Args)]
#[command(after_help = "\
Examples:
  vault-auth-validator tenants shred acme
  vault-auth-validator tenants shred acme --purge --confirm acme")]
pub(super) struct Shred {
    /// The tenant.
    #[arg(value_parser = parse_tenant)]
    tenant: TenantName,
    #[command(flatten)]
    confirm: Confirm,
    /// Also delete the ciphertext of the secrets, in all versions.
    #[arg(long)]
    purge: bool,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    store: SecretClientArgs,
}

/// The result of the command.
struct ShredResult {
    /// True if there was a key.
    key: bool,
    /// The number of secrets; `None` if the token may not list them.
    secrets: Option<u64>,
    purged: u64,
}

impl Shred {
    pub(super) fn run(self) -> ExitCode {
        let tenant = &self.tenant;
        if let Some(fault) = self.confirm.fault(tenant, "shred") {
            return usage_error(fault);
        }
        self.store.clone().run(async |store| {
            let done = self.shred(&store).await?;
            self.output.print(|| self.as_json(&done), |_| self.as_text(&done));
            Ok(ExitCode::SUCCESS)
        })
    }

    async fn shred(&self, store: &SecretClient) -> Result<ShredResult, String> {
        let tenant = &self.tenant;
        let message = |error: SecretError| {
            let hint = match error {
                SecretError::PermissionDenied => "; policies/operator.hcl grants what it needs",
                _ => "",
            };
            format!("{tenant}: {error}{hint}")
        };
        let found = store.with(async |secrets| {
            let key = secrets.has_key(tenant).await?;
            match secrets.count(tenant).await {
                Ok(count) => Ok((key, Some(count))),
                // The policy `operator` manages keys, and grants nothing on secrets.
                Err(SecretError::PermissionDenied) => Ok((key, None)),
                Err(error) => Err(error),
            }
        });
        let (key, secrets) = found.await.map_err(message)?;
        let mut done = ShredResult { key, secrets, purged: 0 };
        if !key && !self.purge {
            self.remove_settings(store).await?;
            return Ok(done);
        }
        self.ask(&done)?;
        if key {
            let deleted = store.with(async |secrets| secrets.delete_key(tenant).await).await;
            deleted.map_err(|error| {
                format!("{tenant}: {error}; the key may still exist: run it again")
            })?;
        }
        self.remove_settings(store).await?;
        if self.purge {
            let purged = store.with(async |secrets| purge(secrets, tenant).await).await;
            done.purged = purged.map_err(|error| {
                format!(
                    "{tenant}: the key is deleted, but not all ciphertext is: {error}; run it again"
                )
            })?;
        }
        Ok(done)
    }

    /// Deletes the tenant's settings, so that a later tenant of this name starts without any.
    async fn remove_settings(&self, store: &SecretClient) -> Result<(), String> {
        let settings = TenantSettings::new(&store.operator.session, &store.mounts);
        let removed = settings.remove(&self.tenant).await;
        removed.map_err(|error| {
            format!("{}: the key is deleted, but the settings are not: {error}", self.tenant)
        })
    }

    fn ask(&self, done: &ShredResult) -> Result<(), String> {
        let (tenant, secrets) = (&self.tenant, secrets_text(done.secrets));
        let question = if done.key {
            format!("This makes {secrets} of {tenant} permanently unreadable, in every version.")
        } else {
            format!("This deletes the ciphertext of {secrets} of {tenant}.")
        };
        self.confirm.ask(tenant, &question)
    }

    fn as_text(&self, done: &ShredResult) -> String {
        let (tenant, secrets) = (&self.tenant, secrets_text(done.secrets));
        let key = if done.key {
            format!(
                "the key of {tenant} is deleted: {secrets} permanently unreadable, in every version.\n\
                 Earlier backups of Vault still contain the key."
            )
        } else {
            format!("{tenant} has no key: it was shredded earlier, or never had one.")
        };
        let left = match (self.purge, done.secrets) {
            (true, _) => {
                format!("{} deleted with all versions.\n", pluralize(done.purged, "secret"))
            }
            (false, Some(0)) => String::new(),
            (false, None) if !done.key => String::new(),
            (false, _) => {
                format!(
                    "{secrets} left as ciphertext that cannot be decrypted; --purge deletes it.\n"
                )
            }
        };
        if !done.key {
            return format!(
                "{key}\n{left}`vault-auth-validator tenants show {tenant}` lists its remaining members."
            );
        }
        format!(
            "{key}\n{left}Services of {tenant} keep their AppRoles and tokens, and people remain members: \
             `vault-auth-validator tenants remove {tenant}` removes both."
        )
    }

    fn as_json(&self, done: &ShredResult) -> serde_json::Value {
        json!({
            "tenant": self.tenant.as_str(),
            "key_deleted": done.key,
            "secrets_unreadable": done.secrets,
            "secrets_purged": done.purged,
        })
    }
}

async fn purge(secrets: SecretsClient<'_>, tenant: &TenantName) -> Result<u64, SecretError> {
    let mut progress = ProgressBar::new("deleting", 0);
    let mut names = secrets.names(tenant);
    let mut count = 0;
    while let Some(name) = names.next().await? {
        secrets.purge(&SecretPath { tenant: tenant.clone(), name }).await?;
        progress.increment();
        count += 1;
    }
    Ok(count)
}

/// Returns the number of secrets in words. It is unknown if the token may not list them.
fn secrets_text(secrets: Option<u64>) -> String {
    secrets.map_or_else(|| "every secret".to_owned(), |secrets| pluralize(secrets, "secret"))
}

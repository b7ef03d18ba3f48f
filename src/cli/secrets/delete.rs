use std::{
    io::{self, IsTerminal},
    process::ExitCode,
};

use clap::Args;
use serde_json::json;

use crate::{
    cli::{
        output::{OutputArgs, usage_error},
        prompt::confirm,
        secret_client::{SecretClientArgs, secret_error_message},
        secrets::secret_args::SecretArgs,
    },
    secrets::{SecretPath, SecretVersion, WriteCondition},
};

/// Delete the latest version of a secret. It can be undeleted.
///
/// Asks for confirmation on a terminal; elsewhere it needs --yes.
#[derive(Args)]
#[command(after_help = "\
Examples:
  vault-auth-validator secrets delete acme crm
  vault-auth-validator secrets delete acme crm --if-version 3 --yes")]
pub(super) struct Delete {
    #[command(flatten)]
    secret: SecretArgs,
    /// Do not ask for confirmation.
    #[arg(long)]
    yes: bool,
    /// Delete only if this is still the latest version.
    #[arg(long, value_name = "VERSION")]
    if_version: Option<SecretVersion>,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    store: SecretClientArgs,
}

impl Delete {
    pub(super) fn run(self) -> ExitCode {
        let Self { secret, yes, if_version, output, store } = self;
        if !yes && !io::stdin().is_terminal() {
            return usage_error(
                "delete asks for confirmation, but standard input is not a terminal: add --yes",
            );
        }
        let path = SecretPath::from(secret);
        let precondition = if_version.map_or(WriteCondition::None, WriteCondition::Latest);
        store.run(async |store| {
            let SecretPath { tenant, name } = &path;
            if !yes && !confirm(&format!("Delete {tenant}/{name}?"))? {
                return Err("not confirmed: nothing was deleted".to_owned());
            }
            let deleted = store.with(async |secrets| secrets.delete(&path, precondition).await);
            let version =
                deleted.await.map_err(|error| secret_error_message(&error, tenant, name))?;
            let json = || {
                json!({
                    "tenant": tenant.as_str(),
                    "name": name.as_str(),
                    "version": version.number(),
                })
            };
            output.print(json, |_| {
                format!(
                    "deleted {tenant}/{name}: version {version}\n\
                     to undo: secrets undelete {tenant} {name} --version {version}"
                )
            });
            Ok(ExitCode::SUCCESS)
        })
    }
}

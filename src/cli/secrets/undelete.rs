use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use crate::{
    cli::{
        output::OutputArgs,
        secret_client::{SecretClientArgs, secret_error_message},
        secrets::secret_args::SecretArgs,
    },
    secrets::{SecretPath, SecretVersion, UndeleteEffect, UndeleteResult},
};

/// Undelete a version of a secret.
///
/// The version keeps its number and data. It becomes the latest only if no version was written
/// after it. To make the data of an older version the latest, read it and set it again.
#[derive(Args)]
#[command(after_help = "\
Examples:
  vault-auth-validator secrets undelete acme crm --version 3
  vault-auth-validator secrets get acme crm --version 3 --output json | jq .data |
      vault-auth-validator secrets set acme crm --replace")]
pub(super) struct Undelete {
    #[command(flatten)]
    secret: SecretArgs,
    /// The version; `secrets versions` lists the deleted ones.
    #[arg(long)]
    version: SecretVersion,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    store: SecretClientArgs,
}

impl Undelete {
    pub(super) fn run(self) -> ExitCode {
        let Self { secret, version, output, store } = self;
        let path = SecretPath::from(secret);
        store.run(async |store| {
            let undeleted = store.with(async |secrets| secrets.undelete(&path, version).await);
            let undeleted = undeleted
                .await
                .map_err(|error| secret_error_message(&error, &path.tenant, &path.name))?;
            output.print(|| as_json(&path, &undeleted), |_| as_text(&path, &undeleted));
            Ok(ExitCode::SUCCESS)
        })
    }
}

fn as_text(SecretPath { tenant, name }: &SecretPath, undeleted: &UndeleteResult) -> String {
    let UndeleteResult { version, latest, effect } = undeleted;
    let version = version.version;
    let done = match effect {
        UndeleteEffect::Restored => format!("undeleted {tenant}/{name}: version {version}"),
        UndeleteEffect::Unchanged => format!("{tenant}/{name}: version {version} is not deleted"),
    };
    if version == *latest {
        return done;
    }
    format!("{done}\nthe latest is version {latest}, which is read by default")
}

fn as_json(SecretPath { tenant, name }: &SecretPath, undeleted: &UndeleteResult) -> Value {
    json!({
        "tenant": tenant.as_str(),
        "name": name.as_str(),
        "version": undeleted.version.version.number(),
        "state": undeleted.version.state.as_str(),
        "created_at": undeleted.version.created_at.to_string(),
        "latest": undeleted.latest.number(),
        "changed": undeleted.effect == UndeleteEffect::Restored,
    })
}

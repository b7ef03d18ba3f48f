use std::process::ExitCode;

use clap::Args;
use futures_util::TryStreamExt;
use serde_json::json;

use crate::{
    cli::{
        names::parse_tenant,
        output::{OutputArgs, TextStyle, align_columns},
        secret_client::{SecretClientArgs, secret_error_hint},
    },
    secrets::{SecretState, SecretSummary},
    tenants::TenantName,
};

/// List the names and latest versions of a tenant's secrets.
#[derive(Args)]
#[command(after_help = "\
Examples:
  vault-auth-validator secrets list acme
  vault-auth-validator secrets list acme --output json")]
pub(super) struct ListSecretsArgs {
    /// The tenant.
    #[arg(value_parser = parse_tenant)]
    tenant: TenantName,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    store: SecretClientArgs,
}

impl ListSecretsArgs {
    pub(super) fn run(self) -> ExitCode {
        let Self { tenant, output, store } = self;
        store.run(async |store| {
            let listed = store.with(async |secrets| secrets.list(&tenant).try_collect().await);
            let listed: Vec<SecretSummary> = listed.await.map_err(|error| {
                format!("{tenant}: {error}{}", secret_error_hint(&error, &tenant))
            })?;
            let json = || {
                let secrets = listed.iter().map(|SecretSummary { name, state: current }| {
                    json!({
                        "name": name.as_str(),
                        "version": current.cas_version(),
                        "deleted": matches!(current, SecretState::Deleted(_)),
                    })
                });
                json!({"tenant": tenant.as_str(), "secrets": secrets.collect::<Vec<_>>()})
            };
            output.print(json, |style| table(&tenant, &listed, style));
            Ok(ExitCode::SUCCESS)
        })
    }
}

fn table(tenant: &TenantName, listed: &[SecretSummary], style: &TextStyle) -> String {
    if listed.is_empty() {
        return format!("{tenant} has no secrets");
    }
    let row = |SecretSummary { name, state: current }: &SecretSummary| {
        let state = match current {
            SecretState::Deleted(_) => style.error("deleted"),
            SecretState::Live(_) | SecretState::Absent => String::new(),
        };
        [name.to_string(), format!("version {}", current.cas_version()), state]
    };
    align_columns(&listed.iter().map(row).collect::<Vec<_>>())
}

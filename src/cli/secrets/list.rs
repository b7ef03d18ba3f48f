use std::process::ExitCode;

use clap::Args;
use futures_util::TryStreamExt;
use serde_json::json;

use crate::{
    cli::{
        names::tenant,
        output::{Output, Style, columns},
        store::{StoreArgs, remedy},
    },
    secrets::{Current, Listed},
    tenants::TenantName,
};

/// List the names and latest versions of a tenant's secrets.
#[derive(Args)]
#[command(after_help = "\
Examples:
  vault-auth-validator secrets list acme
  vault-auth-validator secrets list acme --output json")]
pub(super) struct List {
    /// The tenant.
    #[arg(value_parser = tenant)]
    tenant: TenantName,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    store: StoreArgs,
}

impl List {
    pub(super) fn run(self) -> ExitCode {
        let Self { tenant, output, store } = self;
        store.run(async |store| {
            let listed = store.with(async |secrets| secrets.list(&tenant).try_collect().await);
            let listed: Vec<Listed> = listed
                .await
                .map_err(|error| format!("{tenant}: {error}{}", remedy(&error, &tenant)))?;
            let json = || {
                let secrets = listed.iter().map(|Listed { name, current }| {
                    json!({
                        "name": name.as_str(),
                        "version": current.check_and_set(),
                        "deleted": matches!(current, Current::Gone(_)),
                    })
                });
                json!({"tenant": tenant.as_str(), "secrets": secrets.collect::<Vec<_>>()})
            };
            output.print(json, |style| table(&tenant, &listed, style));
            Ok(ExitCode::SUCCESS)
        })
    }
}

fn table(tenant: &TenantName, listed: &[Listed], style: &Style) -> String {
    if listed.is_empty() {
        return format!("{tenant} has no secrets");
    }
    let row = |Listed { name, current }: &Listed| {
        let state = match current {
            Current::Gone(_) => style.bad("deleted"),
            Current::Live(_) | Current::Absent => String::new(),
        };
        [name.to_string(), format!("version {}", current.check_and_set()), state]
    };
    columns(&listed.iter().map(row).collect::<Vec<_>>())
}

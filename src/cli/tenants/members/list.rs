use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use crate::{
    cli::{
        names::tenant,
        operator::OperatorArgs,
        output::Output,
        sources::ForVault,
        tenants::{member_json, member_rows, source_json, source_words},
    },
    tenants::TenantName,
    vault,
};

/// List a tenant's people and services, with the policies of their tokens.
#[derive(Args)]
#[command(after_help = "\
Examples:
  vault-auth-validator tenants members list acme
  vault-auth-validator tenants members list acme --output json")]
pub(super) struct List {
    /// The tenant.
    #[arg(value_parser = tenant)]
    tenant: TenantName,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    operator: OperatorArgs<ForVault>,
}

impl List {
    pub(super) fn run(self) -> ExitCode {
        self.operator.run_on_mounts(async |operator, mounts| {
            let tenants = vault::Tenants::new(&operator.session, &mounts);
            let (found, source) =
                tenants.one(&self.tenant).await.map_err(|trouble| trouble.to_string())?;
            let tenant = found.ok_or_else(|| {
                let name = &self.tenant;
                format!("there is no tenant {name}: `tenants create {name}` makes it")
            })?;
            self.output.print(
                || {
                    json!({
                        "tenant": tenant.name.as_str(),
                        "members": tenant.members.iter().map(member_json).collect::<Vec<_>>(),
                        "record_complete_since": source_json(&source),
                    })
                },
                |style| {
                    let members = match tenant.members.as_slice() {
                        [] => format!("nobody belongs to {}", tenant.name),
                        members => member_rows(members, style),
                    };
                    format!("{members}\n\n{}", source_words(&source))
                },
            );
            Ok(ExitCode::SUCCESS)
        })
    }
}

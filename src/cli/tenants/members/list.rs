use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use crate::{
    cli::{
        names::parse_tenant,
        operator::OperatorArgs,
        output::OutputArgs,
        sources::ForVault,
        tenants::member_output::{member_json, member_table, source_json, source_text},
    },
    tenants::TenantName,
    vault,
};

/// List a tenant's members, people and services, with the policies of their tokens.
#[derive(Args)]
#[command(after_help = "\
Examples:
  vault-auth-validator tenants members list acme
  vault-auth-validator tenants members list acme --output json")]
pub(super) struct ListMembersArgs {
    /// The tenant.
    #[arg(value_parser = parse_tenant)]
    tenant: TenantName,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    operator: OperatorArgs<ForVault>,
}

impl ListMembersArgs {
    pub(super) fn run(self) -> ExitCode {
        self.operator.run_with_mounts(async |operator, mounts| {
            let tenants = vault::TenantDirectory::new(&operator.session, &mounts);
            let (found, source) =
                tenants.find(&self.tenant).await.map_err(|error| error.to_string())?;
            let tenant = found.ok_or_else(|| {
                let name = &self.tenant;
                format!("there is no tenant {name}: `tenants create {name}` creates it")
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
                        [] => format!("{} has no members", tenant.name),
                        members => member_table(members, style),
                    };
                    format!("{members}\n\n{}", source_text(&source))
                },
            );
            Ok(ExitCode::SUCCESS)
        })
    }
}

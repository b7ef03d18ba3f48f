use clap::Args;

use crate::{
    cli::names::parse_tenant,
    secrets::{SecretName, SecretPath},
    tenants::TenantName,
};

/// The arguments that name a secret.
#[derive(Args)]
pub(super) struct SecretArgs {
    /// The tenant.
    #[arg(value_parser = parse_tenant)]
    tenant: TenantName,
    /// The secret's name, such as `crm` or `mcp/hostinger`.
    #[arg(value_parser = SecretName::parse)]
    name: SecretName,
}

impl From<SecretArgs> for SecretPath {
    fn from(SecretArgs { tenant, name }: SecretArgs) -> Self {
        Self { tenant, name }
    }
}

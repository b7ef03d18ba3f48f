use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use crate::{
    cli::{
        names::parse_tenant,
        operator::{Operator, OperatorArgs},
        output::OutputArgs,
        sources::ForVault,
    },
    policy::Mounts,
    provisioning::{EngineType, ProvisionError, Resource, check_resources},
    tenants::{RotationInterval, TenantName},
    vault::{TenantDirectory, TenantSettings, VaultResources},
};

/// Change a tenant's settings.
///
/// Settings are stored in Vault, outside the paths that tenants can read or write.
#[derive(Args)]
#[command(after_help = "\
Examples:
  vault-auth-validator tenants set acme --rotate-every 90d
  vault-auth-validator tenants set acme --rotate-every never")]
pub(super) struct SetTenantArgs {
    /// The tenant.
    #[arg(value_parser = parse_tenant)]
    tenant: TenantName,
    /// The age at which `tenants rotate --due` rotates the tenant's key: whole hours or days, or
    /// `never`.
    #[arg(long, value_name = "INTERVAL", value_parser = RotateEvery::parse)]
    rotate_every: RotateEvery,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    operator: OperatorArgs<ForVault>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum RotateEvery {
    Never,
    Interval(RotationInterval),
}

impl RotateEvery {
    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "never" => Ok(Self::Never),
            _ => RotationInterval::parse(text)
                .map(Self::Interval)
                .map_err(|error| format!("{error}; or `never`")),
        }
    }
}

impl SetTenantArgs {
    pub(super) fn run(self) -> ExitCode {
        let operator = self.operator.clone();
        operator.run_with_mounts(async |operator, mounts| {
            self.set(&operator, &mounts).await?;
            let tenant = &self.tenant;
            let every = match self.rotate_every {
                RotateEvery::Never => None,
                RotateEvery::Interval(interval) => Some(interval.to_string()),
            };
            self.output.print(
                || json!({"tenant": tenant.as_str(), "rotate_every": every}),
                |_| match &every {
                    None => format!("`tenants rotate --due` does not rotate the key of {tenant}"),
                    Some(every) => format!(
                        "`tenants rotate --due` rotates the key of {tenant} when it is {every} old"
                    ),
                },
            );
            Ok(ExitCode::SUCCESS)
        })
    }

    async fn set(&self, operator: &Operator, mounts: &Mounts) -> Result<(), String> {
        let (tenant, settings) = (&self.tenant, TenantSettings::new(&operator.session, mounts));
        let done = match self.rotate_every {
            RotateEvery::Never => settings.remove(tenant).await,
            RotateEvery::Interval(interval) => {
                let kv =
                    Resource::SecretsEngine { path: mounts.kv.clone(), engine: EngineType::Kv };
                let checked = check_resources(&VaultResources::new(&operator.session), [kv]).await;
                checked.map_err(message)?;
                let key = TenantDirectory::new(&operator.session, mounts).key(tenant).await;
                if key.map_err(message)?.is_none() {
                    return Err(format!(
                        "{tenant} has no key: `tenants create {tenant}` creates one; nothing was \
                         changed"
                    ));
                }
                settings.set_rotation_interval(tenant, interval).await
            }
        };
        done.map_err(message)
    }
}

fn message(ProvisionError(text): ProvisionError) -> String {
    text
}

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::check_ground;
use crate::{
    cli::{
        names::tenant,
        operator::{Operator, OperatorArgs},
        output::Output,
        sources::ForVault,
    },
    policies::Mounts,
    provision::{Engine, Thing},
    tenants::{RotationInterval, TenantName},
    vault::{TenantSettings, Tenants, Things},
};

/// Change a tenant's settings.
///
/// They are kept in Vault, beside the tenants' secrets, where no tenant can read or write them.
#[derive(Args)]
#[command(after_help = "\
Examples:
  vault-auth-validator tenants set acme --rotate-every 90d
  vault-auth-validator tenants set acme --rotate-every never")]
pub(super) struct Set {
    /// The tenant.
    #[arg(value_parser = tenant)]
    tenant: TenantName,
    /// The age from which `tenants rotate --due` rotates the tenant's key: whole hours or days, or
    /// `never`.
    #[arg(long, value_name = "INTERVAL", value_parser = RotateEvery::parse)]
    rotate_every: RotateEvery,
    #[command(flatten)]
    output: Output,
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

impl Set {
    pub(super) fn run(self) -> ExitCode {
        let operator = self.operator.clone();
        operator.run_on_mounts(async |operator, mounts| {
            self.set(&operator, &mounts).await?;
            let tenant = &self.tenant;
            let every = match self.rotate_every {
                RotateEvery::Never => None,
                RotateEvery::Interval(interval) => Some(interval.to_string()),
            };
            self.output.print(
                || json!({"tenant": tenant.as_str(), "rotate_every": every}),
                |_| match &every {
                    None => format!("`tenants rotate --due` leaves {tenant} alone from now on"),
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
                let kv = Thing::Engine { path: mounts.kv.clone(), engine: Engine::Kv };
                check_ground(&Things::new(&operator.session), [kv]).await?;
                let key = Tenants::new(&operator.session, mounts).key(tenant).await;
                if key.map_err(|trouble| trouble.to_string())?.is_none() {
                    return Err(format!(
                        "{tenant} has no key: `tenants create {tenant}` makes one; nothing was \
                         changed"
                    ));
                }
                settings.set_rotation_interval(tenant, interval).await
            }
        };
        done.map_err(|trouble| trouble.to_string())
    }
}

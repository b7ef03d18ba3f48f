use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use crate::{
    cli::{
        names::tenant,
        operator::{Operator, OperatorArgs},
        output::Output,
        sources::ForVault,
    },
    policies::Mounts,
    provision::{Engine, Thing, Trouble, check_resources},
    tenants::{RotationInterval, TenantName},
    vault::{TenantSettings, Tenants, Things},
};

/// Change a tenant's settings.
///
/// Settings are stored in Vault, outside the paths that tenants can read or write.
#[derive(Args)]
#[command(after_help = "\
Examples:
  vault-auth-validator tenants set acme --rotate-every 90d
  vault-auth-validator tenants set acme --rotate-every never")]
pub(super) struct Set {
    /// The tenant.
    #[arg(value_parser = tenant)]
    tenant: TenantName,
    /// The age at which `tenants rotate --due` rotates the tenant's key: whole hours or days, or
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
                let kv = Thing::Engine { path: mounts.kv.clone(), engine: Engine::Kv };
                let checked = check_resources(&Things::new(&operator.session), [kv]).await;
                checked.map_err(message)?;
                let key = Tenants::new(&operator.session, mounts).key(tenant).await;
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

fn message(Trouble(text): Trouble) -> String {
    text
}

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::{
    key_output::{key_json, key_text},
    member_output::{member_json, member_table, source_json, source_text},
    schedule_output::{schedule_json, schedule_text},
};
use crate::{
    cli::{
        names::parse_tenant,
        operator::OperatorArgs,
        output::{OutputArgs, TextStyle, align_columns},
        sources::ForVault,
    },
    tenants::{RotationSchedule, Tenant, TenantKey, TenantName},
    vault::{self, MemberSource, RotationSchedules},
};

/// Show a tenant: its key, its members and their policies.
///
/// Shows recorded members, which `create`, `members add` and `list` maintain; entities of other tenants
/// are not read. The policies are all that a member's tokens have, besides Vault's `default`: those of
/// its AppRole or account, of its entity and of the entity's groups. The secrets are counted if your
/// token may list them.
#[derive(Args)]
#[command(after_help = "\
Examples:
  vault-auth-validator tenants show acme
  vault-auth-validator tenants show acme --output json")]
pub(super) struct Show {
    /// The tenant.
    #[arg(value_parser = parse_tenant)]
    tenant: TenantName,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    operator: OperatorArgs<ForVault>,
}

impl Show {
    pub(super) fn run(self) -> ExitCode {
        self.operator.run_with_mounts(async |operator, mounts| {
            let tenants = vault::TenantDirectory::new(&operator.session, &mounts);
            let (found, source) =
                tenants.find(&self.tenant).await.map_err(|error| error.to_string())?;
            let tenant = found.ok_or_else(|| {
                let name = &self.tenant;
                format!(
                    "there is no tenant {name}: `tenants create {name}` creates it. {}",
                    source_text(&source)
                )
            })?;
            let secrets = tenants.count_secrets(&self.tenant).await;
            let secrets = secrets.map_err(|error| error.to_string())?;
            let schedule = RotationSchedules::read_one(&operator.session, &mounts, &tenant).await;
            let schedule = schedule.map_err(|error| error.to_string())?;
            let details = TenantDetails { tenant, schedule, secrets, source };
            self.output.print(|| details.as_json(), |style| details.as_text(style));
            Ok(ExitCode::SUCCESS)
        })
    }
}

/// The details of a tenant.
struct TenantDetails {
    tenant: Tenant,
    schedule: RotationSchedule,
    /// The number of secrets; `None` if the token may not list them.
    secrets: Option<usize>,
    source: MemberSource,
}

impl TenantDetails {
    fn as_text(&self, style: &TextStyle) -> String {
        let Self { tenant, schedule, secrets, source } = self;
        let key = key_text(tenant.key.as_ref());
        let key = if tenant.key.as_ref().is_some_and(TenantKey::is_sound) {
            key
        } else {
            style.error(&key)
        };
        let versions = tenant.key.as_ref().map(|key| {
            format!(", encrypts with v{}, decrypts from v{}", key.latest, key.min_decryption)
        });
        let secrets = match secrets {
            Some(number) => number.to_string(),
            None => "your token may not list them".to_owned(),
        };
        let facts = [
            ["tenant".to_owned(), tenant.name.to_string()],
            ["key".to_owned(), key + &versions.unwrap_or_default()],
            ["rotates".to_owned(), schedule_text(schedule, style)],
            ["secrets".to_owned(), secrets],
        ];
        let members = match tenant.members.as_slice() {
            [] => "it has no members".to_owned(),
            members => member_table(members, style),
        };
        format!("{}\n\n{members}\n\n{}", align_columns(&facts), source_text(source))
    }

    fn as_json(&self) -> Value {
        let Self { tenant, schedule, secrets, source } = self;
        json!({
            "tenant": tenant.name.as_str(),
            "key": key_json(tenant.key.as_ref()),
            "rotation": schedule_json(schedule),
            "secrets": secrets,
            "members": tenant.members.iter().map(member_json).collect::<Vec<_>>(),
            "record_complete_since": source_json(source),
        })
    }
}

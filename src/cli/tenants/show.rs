use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::{
    key_json, key_words, member_json, member_rows, schedule::Schedule, source_json, source_words,
};
use crate::{
    cli::{
        names::tenant,
        operator::OperatorArgs,
        output::{Output, Style, columns},
        sources::ForVault,
    },
    tenants::{Key, Tenant, TenantName},
    vault::{self, Source},
};

/// Show a tenant: its key, who belongs to it, and with which policies.
///
/// Members are those on record, which `create`, `members add` and `list` keep; another tenant's people
/// are not read. The policies are all that a member's tokens have, besides Vault's `default`: those of
/// its AppRole or account, of its entity and of the entity's groups. The secrets are counted if your
/// token may list them.
#[derive(Args)]
#[command(after_help = "\
Examples:
  vault-auth-validator tenants show acme
  vault-auth-validator tenants show acme --output json")]
pub(super) struct Show {
    /// What the tenant is called.
    #[arg(value_parser = tenant)]
    tenant: TenantName,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    operator: OperatorArgs<ForVault>,
}

impl Show {
    pub(super) fn run(self) -> ExitCode {
        self.operator.run_on_mounts(async |operator, mounts| {
            let tenants = vault::Tenants::new(&operator.session, &mounts);
            let (found, source) =
                tenants.one(&self.tenant).await.map_err(|trouble| trouble.to_string())?;
            let tenant = found.ok_or_else(|| {
                let name = &self.tenant;
                format!(
                    "there is no tenant {name}: `tenants create {name}` makes it. {}",
                    source_words(&source)
                )
            })?;
            let secrets = tenants.secrets(&self.tenant).await;
            let secrets = secrets.map_err(|trouble| trouble.to_string())?;
            let schedule = Schedule::read(&operator, &mounts, &tenant).await?;
            let shown = Shown { tenant, schedule, secrets, source };
            self.output.print(|| shown.as_json(), |style| shown.as_text(style));
            Ok(ExitCode::SUCCESS)
        })
    }
}

/// All that is shown of a tenant.
struct Shown {
    tenant: Tenant,
    schedule: Schedule,
    /// The number of secrets; `None` if the token may not list them.
    secrets: Option<usize>,
    source: Source,
}

impl Shown {
    fn as_text(&self, style: &Style) -> String {
        let Self { tenant, schedule, secrets, source } = self;
        let key = key_words(tenant.key.as_ref());
        let key =
            if tenant.key.as_ref().is_some_and(Key::is_sound) { key } else { style.bad(&key) };
        let versions = tenant
            .key
            .as_ref()
            .map(|key| format!(", encrypts with v{}, decrypts from v{}", key.latest, key.oldest));
        let secrets = match secrets {
            Some(number) => number.to_string(),
            None => "your token may not list them".to_owned(),
        };
        let facts = [
            ["tenant".to_owned(), tenant.name.to_string()],
            ["key".to_owned(), key + &versions.unwrap_or_default()],
            ["rotates".to_owned(), schedule.as_text(style)],
            ["secrets".to_owned(), secrets],
        ];
        let members = match tenant.members.as_slice() {
            [] => "nobody belongs to it".to_owned(),
            members => member_rows(members, style),
        };
        format!("{}\n\n{members}\n\n{}", columns(&facts), source_words(source))
    }

    fn as_json(&self) -> Value {
        let Self { tenant, schedule, secrets, source } = self;
        json!({
            "tenant": tenant.name.as_str(),
            "key": key_json(tenant.key.as_ref()),
            "rotation": schedule.as_json(),
            "secrets": secrets,
            "members": tenant.members.iter().map(member_json).collect::<Vec<_>>(),
            "record_complete_since": source_json(source),
        })
    }
}

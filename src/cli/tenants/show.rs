use std::{collections::BTreeSet, process::ExitCode};

use clap::Args;
use serde_json::{Value, json};

use super::{key_json, key_words, tenant_name};
use crate::{
    cli::{
        operator::OperatorArgs,
        output::{Output, Style, columns},
        sources::ForVault,
    },
    tenants::{Member, Tenant, TenantName},
    vault,
};

/// Show a tenant: its key, who belongs to it, and with which policies.
///
/// The secrets are counted if your token may list them.
#[derive(Args)]
#[command(after_help = "\
Examples:
  vault-auth-validator tenants show acme
  vault-auth-validator tenants show acme --output json")]
pub(super) struct Show {
    /// What the tenant is called.
    #[arg(value_parser = tenant_name)]
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
            let found = tenants.one(&self.tenant).await.map_err(|trouble| trouble.to_string())?;
            let tenant = found.ok_or_else(|| {
                let name = &self.tenant;
                format!("there is no tenant {name}: `tenants create {name}` makes it")
            })?;
            let secrets = tenants.secrets(&self.tenant).await;
            let secrets = secrets.map_err(|trouble| trouble.to_string())?;
            let json = || as_json(&tenant, secrets);
            self.output.print(json, |style| as_text(&tenant, secrets, style));
            Ok(ExitCode::SUCCESS)
        })
    }
}

fn as_text(tenant: &Tenant, secrets: Option<usize>, style: &Style) -> String {
    let sound = tenant.key.as_ref().is_some_and(|key| key.derived);
    let key = key_words(tenant.key.as_ref());
    let key = if sound { key } else { style.bad(&key) };
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
        ["secrets".to_owned(), secrets],
    ];
    if tenant.members.is_empty() {
        return format!("{}\n\nnobody belongs to it", columns(&facts));
    }
    let heading = ["member", "logs in by", "", "policies", "entity"].map(|word| style.place(word));
    let row = |member: &Member| {
        let joined =
            |words: &BTreeSet<String>| words.iter().cloned().collect::<Vec<_>>().join(", ");
        [
            member.name.escape_debug().to_string(),
            joined(&member.logs_in_by),
            if member.disabled { style.doubtful("disabled") } else { String::new() },
            joined(&member.policies),
            member.id.clone(),
        ]
    };
    let rows: Vec<_> = std::iter::once(heading).chain(tenant.members.iter().map(row)).collect();
    format!("{}\n\n{}", columns(&facts), columns(&rows))
}

fn as_json(tenant: &Tenant, secrets: Option<usize>) -> Value {
    json!({
        "tenant": tenant.name.as_str(),
        "key": key_json(tenant.key.as_ref()),
        "secrets": secrets,
        "members": tenant.members.iter().map(member_json).collect::<Vec<_>>(),
    })
}

fn member_json(member: &Member) -> Value {
    json!({
        "name": member.name,
        "entity_id": member.id,
        "disabled": member.disabled,
        "logs_in_by": member.logs_in_by,
        "policies": member.policies,
    })
}

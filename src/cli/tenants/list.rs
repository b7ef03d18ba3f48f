use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::{
    key_output::{key_json, key_text},
    schedule_output::{AUTO_ROTATE_NOTE, age_cell, due_cell, interval_cell, schedule_json},
};
use crate::{
    cli::{
        operator::OperatorArgs,
        output::{OutputArgs, TextStyle, align_columns, pluralize},
        sources::ForVault,
    },
    tenants::{Member, Tenant, TenantKey},
    vault::{self, RotationSchedules},
};

/// List the tenants.
///
/// Lists each tenant that has a key or a member. Members are found by reading every entity in Vault, and
/// those that were not recorded yet are recorded (see `tenants show`).
#[derive(Args)]
#[command(after_help = "\
Examples:
  vault-auth-validator tenants list
  vault-auth-validator tenants list --output json")]
pub(super) struct ListTenantsArgs {
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    operator: OperatorArgs<ForVault>,
}

impl ListTenantsArgs {
    pub(super) fn run(self) -> ExitCode {
        self.operator.run_with_mounts(async |operator, mounts| {
            let tenants = vault::TenantDirectory::new(&operator.session, &mounts);
            let tenants = tenants.all().await.map_err(|error| error.to_string())?;
            let schedules = RotationSchedules::read(&operator.session, &mounts).await;
            let schedules = schedules.map_err(|error| error.to_string())?;
            let json = || as_json(&tenants, &schedules);
            self.output.print(json, |style| as_text(&tenants, &schedules, style));
            schedules.into_error().map_or(Ok(ExitCode::SUCCESS), Err)
        })
    }
}

fn as_text(tenants: &[Tenant], schedules: &RotationSchedules, style: &TextStyle) -> String {
    if tenants.is_empty() {
        return "no tenants".to_owned();
    }
    let heading = [
        "tenant",
        "key",
        "version",
        "decrypts from",
        "age",
        "rotate every",
        "due",
        "members",
        "disabled",
    ];
    let heading = heading.map(|word| style.heading(word));
    let mut rotated_by_vault = false;
    let mut row = |tenant: &Tenant| {
        let schedule = schedules.get(&tenant.name, tenant.key.as_ref());
        rotated_by_vault |= schedule.auto_rotate().is_some();
        let key = key_text(tenant.key.as_ref());
        let sound = tenant.key.as_ref().is_some_and(TenantKey::is_sound);
        let version = |which: fn(&TenantKey) -> u64| {
            tenant.key.as_ref().map(|key| format!("v{}", which(key))).unwrap_or_default()
        };
        let disabled = tenant.members.iter().filter(|member| member.disabled).count();
        [
            tenant.name.to_string(),
            if sound { key } else { style.error(&key) },
            version(|key| key.latest),
            version(|key| key.min_decryption),
            age_cell(&schedule, style),
            interval_cell(&schedule, style),
            due_cell(&schedule, style),
            tenant.members.len().to_string(),
            if disabled == 0 { String::new() } else { style.warning(&disabled.to_string()) },
        ]
    };
    let rows: Vec<_> = std::iter::once(heading).chain(tenants.iter().map(&mut row)).collect();
    let note = if rotated_by_vault { format!("\n\n{AUTO_ROTATE_NOTE}") } else { String::new() };
    format!("{}\n\n{}{note}", align_columns(&rows), pluralize(tenants.len(), "tenant"))
}

fn as_json(tenants: &[Tenant], schedules: &RotationSchedules) -> Value {
    let member = |member: &Member| json!({"name": member.display_name(), "entity_id": member.id, "disabled": member.disabled});
    let tenant = |tenant: &Tenant| {
        json!({
            "tenant": tenant.name.as_str(),
            "key": key_json(tenant.key.as_ref()),
            "rotation": schedule_json(&schedules.get(&tenant.name, tenant.key.as_ref())),
            "members": tenant.members.iter().map(member).collect::<Vec<_>>(),
        })
    };
    json!({"tenants": tenants.iter().map(tenant).collect::<Vec<_>>()})
}

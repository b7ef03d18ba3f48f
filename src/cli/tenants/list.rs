use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::{
    key_json, key_words,
    schedule::{AUTO_ROTATE, Schedules},
};
use crate::{
    cli::{
        operator::OperatorArgs,
        output::{Output, Style, columns, counted},
        sources::ForVault,
    },
    tenants::{Key, Member, Tenant},
    vault,
};

/// List the tenants.
///
/// Each that has a key, or to whom somebody belongs. To find out who belongs to whom, every entity in Vault
/// is read, and members that were not on record are recorded (see `tenants show`).
#[derive(Args)]
#[command(after_help = "\
Examples:
  vault-auth-validator tenants list
  vault-auth-validator tenants list --output json")]
pub(super) struct List {
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    operator: OperatorArgs<ForVault>,
}

impl List {
    pub(super) fn run(self) -> ExitCode {
        self.operator.run_on_mounts(async |operator, mounts| {
            let tenants = vault::Tenants::new(&operator.session, &mounts);
            let tenants = tenants.all().await.map_err(|trouble| trouble.to_string())?;
            let schedules = Schedules::read(&operator, &mounts).await?;
            let json = || as_json(&tenants, &schedules);
            self.output.print(json, |style| as_text(&tenants, &schedules, style));
            schedules.unread().map_or(Ok(ExitCode::SUCCESS), Err)
        })
    }
}

fn as_text(tenants: &[Tenant], schedules: &Schedules, style: &Style) -> String {
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
    let heading = heading.map(|word| style.place(word));
    let mut rotated_by_vault = false;
    let mut row = |tenant: &Tenant| {
        let schedule = schedules.of(&tenant.name, tenant.key.as_ref());
        rotated_by_vault |= schedule.is_rotated_by_vault();
        let key = key_words(tenant.key.as_ref());
        let sound = tenant.key.as_ref().is_some_and(Key::is_sound);
        let version = |which: fn(&Key) -> u64| {
            tenant.key.as_ref().map(|key| format!("v{}", which(key))).unwrap_or_default()
        };
        let disabled = tenant.members.iter().filter(|member| member.disabled).count();
        [
            tenant.name.to_string(),
            if sound { key } else { style.bad(&key) },
            version(|key| key.latest),
            version(|key| key.oldest),
            schedule.age(style),
            schedule.every(style),
            schedule.due_cell(style),
            tenant.members.len().to_string(),
            if disabled == 0 { String::new() } else { style.doubtful(&disabled.to_string()) },
        ]
    };
    let rows: Vec<_> = std::iter::once(heading).chain(tenants.iter().map(&mut row)).collect();
    let note = if rotated_by_vault { format!("\n\n{AUTO_ROTATE}") } else { String::new() };
    format!("{}\n\n{}{note}", columns(&rows), counted(tenants.len(), "tenant"))
}

fn as_json(tenants: &[Tenant], schedules: &Schedules) -> Value {
    let member = |member: &Member| json!({"name": member.name(), "entity_id": member.id, "disabled": member.disabled});
    let tenant = |tenant: &Tenant| {
        json!({
            "tenant": tenant.name.as_str(),
            "key": key_json(tenant.key.as_ref()),
            "rotation": schedules.of(&tenant.name, tenant.key.as_ref()).as_json(),
            "members": tenant.members.iter().map(member).collect::<Vec<_>>(),
        })
    };
    json!({"tenants": tenants.iter().map(tenant).collect::<Vec<_>>()})
}

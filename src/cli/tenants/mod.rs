//! Tenants: one file per command.

mod confirm;
mod create;
mod due;
mod due_report;
mod list;
mod members;
mod remove;
mod rotate;
mod rotation;
mod rotation_report;
mod schedule;
mod set;
mod show;
mod shred;
mod wait;

use std::{collections::BTreeSet, process::ExitCode};

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::{
    cli::output::{Style, columns, printable},
    policies::{PolicyName, Store},
    provision::{Inventory, State, Thing},
    tenants::{Key, Login, Member, ServiceName},
    vault::{Policies, Session, Source, Things},
};

/// The policy that makes somebody one of a tenant's.
const TENANT_POLICY: &str = "tenant";

/// Tenants: their keys, who belongs to them, and their end.
///
/// A tenant has a key of its own in Vault's transit engine, and its name stands in the metadata of each
/// entity that belongs to it: services, which log in by AppRole, and people. Since Vault finds no entity
/// by its metadata, members are recorded in the KV engine too (`tenant-members/`), which grants nothing.
#[derive(Args)]
#[command(after_help = "\
Examples:
  vault-auth-validator tenants create acme --service chatwoot --service n8n
  vault-auth-validator tenants list
  vault-auth-validator tenants show acme
  vault-auth-validator tenants set acme --rotate-every 90d
  vault-auth-validator tenants rotate acme
  vault-auth-validator tenants rotate --due
  vault-auth-validator tenants members add acme ana --create-user --policy route-crm
  vault-auth-validator tenants remove acme --service n8n
  vault-auth-validator tenants shred acme
  vault-auth-validator tenants remove acme")]
pub(super) struct Tenants {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Create(create::Create),
    List(list::List),
    Show(show::Show),
    Set(set::Set),
    Members(members::Members),
    Rotate(rotate::Rotate),
    Shred(shred::Shred),
    Remove(remove::Remove),
}

impl Tenants {
    pub(super) fn run(self) -> ExitCode {
        match self.command {
            Command::Create(create) => create.run(),
            Command::List(list) => list.run(),
            Command::Show(show) => show.run(),
            Command::Set(set) => set.run(),
            Command::Members(members) => members.run(),
            Command::Rotate(rotate) => rotate.run(),
            Command::Shred(shred) => shred.run(),
            Command::Remove(remove) => remove.run(),
        }
    }
}

/// A policy's name, as an argument.
fn policy_name(text: &str) -> Result<PolicyName, String> {
    PolicyName::parse(text).map_err(|fault| fault.to_string())
}

/// A service's name, as an argument.
fn service_name(text: &str) -> Result<ServiceName, String> {
    ServiceName::parse(text)
        .ok_or_else(|| "a service's name has the form of a tenant's: chatwoot, n8n".to_owned())
}

/// The policies of this name and `tenant`, all of which are in Vault.
async fn policies_in_vault(
    session: &Session,
    policies: &[PolicyName],
) -> Result<BTreeSet<String>, String> {
    let store = Policies::new(session);
    let others = policies.iter().map(ToString::to_string);
    let policies: BTreeSet<_> = others.chain([TENANT_POLICY.to_owned()]).collect();
    for name in &policies {
        let stored = store.read(name).await.map_err(|error| error.to_string())?;
        if stored.is_none() {
            return Err(format!(
                "there is no policy {name} in Vault: `vault-auth-validator policies apply` loads \
                 policies; nothing was changed"
            ));
        }
    }
    Ok(policies)
}

/// That there is where a tenant's things are made.
async fn check_ground(
    inventory: &Things<'_>,
    ground: impl IntoIterator<Item = Thing>,
) -> Result<(), String> {
    for thing in ground {
        let state = inventory.look(&thing).await.map_err(|trouble| trouble.to_string())?;
        let (kind, name, detail) = (thing.kind(), thing.name(), thing.detail());
        match state {
            State::There => {}
            State::InTheWay(why) => {
                return Err(format!("{kind} {name} is no {detail}: {why}; nothing was changed"));
            }
            State::Missing | State::Differs(_) => {
                return Err(format!(
                    "there is no {kind} {name} ({detail}) in Vault: `vault-auth-validator \
                     bootstrap` makes what is missing; nothing was changed"
                ));
            }
        }
    }
    Ok(())
}

/// A member for programs.
fn member_json(member: &Member) -> Value {
    let login =
        |login: &Login| json!({"name": login.name, "mount": login.mount, "method": login.method});
    let methods: BTreeSet<&str> = member.logins.iter().map(|login| login.method.as_str()).collect();
    json!({
        "name": member.name(),
        "entity": member.entity,
        "entity_id": member.id,
        "disabled": member.disabled,
        "logs_in_by": methods,
        "logins": member.logins.iter().filter(|login| login.is_persons()).map(login).collect::<Vec<_>>(),
        "policies": member.policies,
        "policies_unknown": member.unknown,
    })
}

/// Members in columns.
fn member_rows(members: &[Member], style: &Style) -> String {
    let heading = ["member", "logs in at", "", "policies", "entity"].map(|word| style.place(word));
    let row = |member: &Member| {
        let mounts: BTreeSet<&str> =
            member.logins.iter().map(|login| login.mount.as_str()).collect();
        let policies = member.policies.iter().cloned();
        let unknown = member
            .unknown
            .iter()
            .map(|why| style.doubtful(&format!("unknown: {}", printable(why))));
        [
            member.name().escape_debug().to_string(),
            mounts.into_iter().map(printable).collect::<Vec<_>>().join(", "),
            if member.disabled { style.doubtful("disabled") } else { String::new() },
            policies.chain(unknown).collect::<Vec<_>>().join(", "),
            member.id.clone(),
        ]
    };
    let rows: Vec<_> = std::iter::once(heading).chain(members.iter().map(row)).collect();
    columns(&rows)
}

/// The entities among which members were looked for, in a sentence.
fn source_words(source: &Source) -> String {
    match source {
        Source::All => "Every entity in Vault was read.".to_owned(),
        Source::Recorded { complete_since } => format!(
            "Only members on record were read. Whoever was given the tenant by other means since \
             {complete_since} is found by `tenants list`."
        ),
    }
}

/// The same for programs.
fn source_json(source: &Source) -> Value {
    match source {
        Source::All => Value::Null,
        Source::Recorded { complete_since } => json!(complete_since),
    }
}

/// A key in a few words.
fn key_words(key: Option<&Key>) -> String {
    match key {
        None => "no key".to_owned(),
        Some(Key { derived: false, kind, .. }) => format!("{kind}, NOT DERIVED"),
        Some(Key { convergent: true, kind, .. }) => format!("{kind}, CONVERGENT"),
        Some(Key { kind, .. }) => kind.clone(),
    }
}

/// A key for programs.
fn key_json(key: Option<&Key>) -> Value {
    key.map_or(Value::Null, |key| {
        json!({
            "type": key.kind,
            "derived": key.derived,
            "convergent": key.convergent,
            "latest_version": key.latest,
            "min_decryption_version": key.oldest,
            "latest_version_created_at": key.rotation.created_at.to_string(),
        })
    })
}

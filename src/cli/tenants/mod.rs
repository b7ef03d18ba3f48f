//! Tenants: one file per command.

mod confirm;
mod create;
mod due;
mod due_report;
mod lease;
mod list;
mod rotate;
mod rotation;
mod rotation_report;
mod schedule;
mod set;
mod show;
mod shred;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::tenants::{Key, TenantName};

/// Tenants: their keys, who belongs to them, and their end.
///
/// A tenant has a key of its own in Vault's transit engine, and its name stands in the metadata of each
/// entity that belongs to it. There is no other list of tenants.
#[derive(Args)]
#[command(after_help = "\
Examples:
  vault-auth-validator tenants create acme --service chatwoot --service n8n
  vault-auth-validator tenants list
  vault-auth-validator tenants show acme
  vault-auth-validator tenants set acme --rotate-every 90d
  vault-auth-validator tenants rotate acme
  vault-auth-validator tenants rotate --due
  vault-auth-validator tenants shred acme")]
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
    Rotate(rotate::Rotate),
    Shred(shred::Shred),
}

impl Tenants {
    pub(super) fn run(self) -> ExitCode {
        match self.command {
            Command::Create(create) => create.run(),
            Command::List(list) => list.run(),
            Command::Show(show) => show.run(),
            Command::Set(set) => set.run(),
            Command::Rotate(rotate) => rotate.run(),
            Command::Shred(shred) => shred.run(),
        }
    }
}

/// A tenant's name, as an argument.
fn tenant_name(text: &str) -> Result<TenantName, String> {
    TenantName::parse(text).ok_or_else(|| {
        "a tenant's name is a-z, 0-9, `-` and `_`, begins with a letter or a digit, and has 63 of \
         them at most"
            .to_owned()
    })
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

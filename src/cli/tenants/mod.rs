//! Tenants: one file per command.

mod create;
mod list;
mod rotate;
mod show;
mod shred;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::{cli::names::tenant as tenant_name, tenants::Key};

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
  vault-auth-validator tenants rotate acme
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
    Rotate(rotate::Rotate),
    Shred(shred::Shred),
}

impl Tenants {
    pub(super) fn run(self) -> ExitCode {
        match self.command {
            Command::Create(create) => create.run(),
            Command::List(list) => list.run(),
            Command::Show(show) => show.run(),
            Command::Rotate(rotate) => rotate.run(),
            Command::Shred(shred) => shred.run(),
        }
    }
}

/// A key in a few words.
fn key_words(key: Option<&Key>) -> String {
    match key {
        None => "no key".to_owned(),
        Some(Key { derived: false, kind, .. }) => format!("{kind}, NOT DERIVED"),
        Some(Key { kind, .. }) => kind.clone(),
    }
}

/// A key for programs.
fn key_json(key: Option<&Key>) -> Value {
    key.map_or(Value::Null, |key| {
        json!({
            "type": key.kind,
            "derived": key.derived,
            "latest_version": key.latest,
            "min_decryption_version": key.oldest,
        })
    })
}

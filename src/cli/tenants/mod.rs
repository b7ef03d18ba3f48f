//! Tenants: one file per command.

mod confirm;
mod create;
mod due;
mod due_report;
mod key_output;
mod list;
mod member_output;
mod members;
mod remove;
mod rotate;
mod rotation;
mod rotation_report;
mod schedule_output;
mod set;
mod show;
mod shred;
mod wait;

use std::process::ExitCode;

use clap::{Args, Subcommand};

/// Manage tenants, their keys and their members.
///
/// A tenant has a key of its own in Vault's transit engine. The metadata of each entity that is its
/// member contains its name: services, which log in with AppRole, and people. Since Vault cannot search
/// entities by metadata, members are also recorded in the KV engine (`tenant-members/`), which grants
/// nothing.
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
    List(list::ListTenantsArgs),
    Show(show::Show),
    Set(set::SetTenantArgs),
    Members(members::Members),
    Rotate(rotate::Rotate),
    Shred(shred::Shred),
    Remove(remove::RemoveTenantArgs),
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

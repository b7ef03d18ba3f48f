//! The commands that read and write a tenant's secrets.

mod bundle;
mod child_command;
mod delete;
mod environment;
mod get;
mod input;
mod list;
mod owner;
mod render;
mod run;
mod secret_args;
mod set;
mod target_file;
mod undelete;
mod versions;

use std::process::ExitCode;

use clap::{Args, Subcommand};

/// Read, write and use a tenant's secrets.
///
/// Requests to Vault use your own token: `VAULT_TOKEN` or `~/.vault-token`, or the AppRole in the
/// variables of `serve`. Its policies decide. Values are never arguments.
#[derive(Args)]
#[command(after_help = "\
Examples:
  vault-auth-validator secrets set acme crm DATABASE_URL
  vault-auth-validator secrets get acme crm --reveal
  vault-auth-validator secrets render acme crm --file /run/crm.env --watch
  vault-auth-validator secrets run acme crm -- /usr/bin/crm serve")]
pub(super) struct Secrets {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    List(list::ListSecretsArgs),
    Get(get::Get),
    Set(set::SetSecretArgs),
    Delete(delete::Delete),
    Versions(versions::Versions),
    Undelete(undelete::Undelete),
    Render(render::Render),
    Run(run::RunArgs),
}

impl Secrets {
    pub(super) fn run(self) -> ExitCode {
        match self.command {
            Command::List(list) => list.run(),
            Command::Get(get) => get.run(),
            Command::Set(set) => set.run(),
            Command::Delete(delete) => delete.run(),
            Command::Versions(versions) => versions.run(),
            Command::Undelete(undelete) => undelete.run(),
            Command::Render(render) => render.run(),
            Command::Run(run) => run.run(),
        }
    }
}

//! A tenant's secrets at the command line.

mod bundle;
mod delete;
mod environment;
mod file;
mod get;
mod input;
mod list;
mod owner;
mod render;
mod run;
mod set;
mod undelete;
mod versions;

use std::{
    io::{self, IsTerminal},
    process::ExitCode,
};

use clap::{Args, Subcommand};

pub(super) use crate::cli::names::tenant;
use crate::{
    cli::output::emit,
    secrets::{SecretName, SecretPath},
    tenants::TenantName,
};

/// Look at, write and use a tenant's secrets.
///
/// Vault is asked with your own token: `VAULT_TOKEN` or `~/.vault-token`, or the AppRole that the
/// variables of `serve` name. Its policies decide. No value is ever an argument.
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
    List(list::List),
    Get(get::Get),
    Set(set::Set),
    Delete(delete::Delete),
    Versions(versions::Versions),
    Undelete(undelete::Undelete),
    Render(render::Render),
    Run(run::Run),
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

/// Which secret.
#[derive(Args)]
struct Place {
    /// The tenant.
    #[arg(value_parser = tenant)]
    tenant: TenantName,
    /// The secret's name, such as `crm` or `mcp/hostinger`.
    #[arg(value_parser = SecretName::parse)]
    name: SecretName,
}

impl From<Place> for SecretPath {
    fn from(Place { tenant, name }: Place) -> Self {
        Self { tenant, name }
    }
}

/// Whether somebody would see what is printed.
fn is_seen() -> bool {
    io::stdout().is_terminal()
}

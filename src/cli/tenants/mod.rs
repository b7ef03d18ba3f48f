//! Tenants at the command line.

mod rotate;
mod shred;

use std::process::ExitCode;

use clap::{Args, Subcommand};

/// Rotate a tenant's key, or end it together with all that it encrypted.
#[derive(Args)]
#[command(after_help = "\
Examples:
  vault-auth-validator tenants rotate acme
  vault-auth-validator tenants shred acme")]
pub(super) struct Tenants {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Rotate(rotate::Rotate),
    Shred(shred::Shred),
}

impl Tenants {
    pub(super) fn run(self) -> ExitCode {
        match self.command {
            Command::Rotate(rotate) => rotate.run(),
            Command::Shred(shred) => shred.run(),
        }
    }
}

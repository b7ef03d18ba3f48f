use std::{io, process::ExitCode};

use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};

use crate::cli::Cli;

/// Print what a shell needs to complete this command.
#[derive(Args)]
#[command(after_help = "\
Examples:
  vault-auth-validator completions bash > /etc/bash_completion.d/vault-auth-validator
  vault-auth-validator completions fish > ~/.config/fish/completions/vault-auth-validator.fish")]
pub(super) struct Completions {
    /// The shell.
    shell: Shell,
}

impl Completions {
    pub(super) fn run(self) -> ExitCode {
        generate(self.shell, &mut Cli::command(), "vault-auth-validator", &mut io::stdout());
        ExitCode::SUCCESS
    }
}

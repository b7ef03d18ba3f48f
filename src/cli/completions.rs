use std::process::ExitCode;

use clap::{Args, Command};
use clap_complete::{Shell, generate};

use crate::cli::output::{emit, report_write_error};

/// Print a shell's completion script.
#[derive(Args)]
#[command(after_help = "\
Examples:
  vault-auth-validator completions bash > /etc/bash_completion.d/vault-auth-validator
  vault-auth-validator completions zsh > /usr/local/share/zsh/site-functions/_vault-auth-validator
  vault-auth-validator completions fish > ~/.config/fish/completions/vault-auth-validator.fish")]
pub(super) struct Completions {
    /// The shell.
    shell: Shell,
}

/// The name of the program.
const PROGRAM: &str = "vault-auth-validator";

/// The name that the script for bash is generated with: with a hyphen in the name it would complete
/// no subcommand (<https://github.com/clap-rs/clap/issues/6421>).
const BASH_NAME: &str = "vault_auth_validator";

impl Completions {
    pub(super) fn run(self, program: Command) -> ExitCode {
        report_write_error(emit(script(self.shell, program).as_bytes()));
        ExitCode::SUCCESS
    }
}

/// Returns the completion script of the program.
fn script(shell: Shell, mut program: Command) -> String {
    let mut generate_for = |name: &str| {
        let mut script = Vec::new();
        generate(shell, &mut program, name, &mut script);
        String::from_utf8_lossy(&script).into_owned()
    };
    match shell {
        // The program's name is at the end of the lines that register the function.
        Shell::Bash => {
            generate_for(BASH_NAME).replace(&format!(" {BASH_NAME}\n"), &format!(" {PROGRAM}\n"))
        }
        _ => generate_for(PROGRAM),
    }
}

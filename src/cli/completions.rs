use std::process::ExitCode;

use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};

use crate::cli::{
    Cli,
    output::{emit, report_if_lost},
};

/// Print the completion script of a shell.
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

/// The name of the program, and the one that the script for bash is made with: of a program with a
/// hyphen in its name that would complete no subcommand
/// (<https://github.com/clap-rs/clap/issues/6421>).
const PROGRAM: &str = "vault-auth-validator";
const WITHOUT_HYPHENS: &str = "vault_auth_validator";

impl Completions {
    pub(super) fn run(self) -> ExitCode {
        report_if_lost(emit(script(self.shell).as_bytes()));
        ExitCode::SUCCESS
    }
}

fn script(shell: Shell) -> String {
    let made_for = |name: &str| {
        let mut script = Vec::new();
        generate(shell, &mut Cli::command(), name, &mut script);
        String::from_utf8_lossy(&script).into_owned()
    };
    match shell {
        // The name stands at the end of the lines that say what the function is for.
        Shell::Bash => made_for(WITHOUT_HYPHENS)
            .replace(&format!(" {WITHOUT_HYPHENS}\n"), &format!(" {PROGRAM}\n")),
        _ => made_for(PROGRAM),
    }
}

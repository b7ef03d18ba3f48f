use std::{io, path::PathBuf, process::ExitCode};

use clap::{Args, CommandFactory};

use crate::cli::{
    Cli, complain, misused,
    output::{emit, report_if_lost},
};

/// Print the manual page of this program or of one of its commands.
#[derive(Args)]
#[command(after_help = "\
Examples:
  vault-auth-validator man | man -l -
  vault-auth-validator man tenants rotate | man -l -
  vault-auth-validator man --dir /usr/local/share/man/man1")]
pub(super) struct Man {
    /// The command; without one, the program.
    #[arg(value_name = "COMMAND", conflicts_with = "dir")]
    command: Vec<String>,
    /// Write the pages of all commands into this folder, which exists, instead.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl Man {
    pub(super) fn run(self) -> ExitCode {
        if let Some(dir) = self.dir {
            return match clap_mangen::generate_to(Cli::command(), &dir) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => {
                    complain(format!("cannot write into {}: {error}", dir.display()));
                    ExitCode::FAILURE
                }
            };
        }
        match page(&self.command) {
            Ok(page) => {
                report_if_lost(emit(&page));
                ExitCode::SUCCESS
            }
            Err(error) => misused(error),
        }
    }
}

/// The page of the command with this name, such as `tenants rotate`.
fn page(names: &[String]) -> Result<Vec<u8>, String> {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    for name in names {
        let found = command.find_subcommand(name).cloned();
        let unknown = || format!("there is no command `{}`; --help lists them", names.join(" "));
        command = found.ok_or_else(unknown)?;
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command)
        .render(&mut page)
        .map_err(|error: io::Error| error.to_string())?;
    Ok(page)
}

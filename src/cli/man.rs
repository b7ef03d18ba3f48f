use std::{io, path::PathBuf, process::ExitCode};

use clap::{Args, Command};

use crate::cli::output::{emit, print_error, report_write_error, usage_error};

/// Print the manual page of the program or of one of its commands.
#[derive(Args)]
#[command(after_help = "\
Examples:
  vault-auth-validator man | man -l -
  vault-auth-validator man tenants rotate | man -l -
  vault-auth-validator man --dir /usr/local/share/man/man1")]
pub(super) struct Man {
    /// The command; the program by default.
    #[arg(value_name = "COMMAND", conflicts_with = "dir")]
    command: Vec<String>,
    /// Write the pages of all commands to this existing directory instead.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl Man {
    pub(super) fn run(self, program: Command) -> ExitCode {
        if let Some(dir) = self.dir {
            return match clap_mangen::generate_to(program, &dir) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => {
                    print_error(format!("cannot write to {}: {error}", dir.display()));
                    ExitCode::FAILURE
                }
            };
        }
        match page(program, &self.command) {
            Ok(page) => {
                report_write_error(emit(&page));
                ExitCode::SUCCESS
            }
            Err(error) => usage_error(error),
        }
    }
}

/// Returns the page of the command with this name, such as `tenants rotate`.
fn page(program: Command, names: &[String]) -> Result<Vec<u8>, String> {
    let mut command = program.disable_help_subcommand(true);
    command.build();
    for name in names {
        let found = command.find_subcommand(name).cloned();
        let unknown =
            || format!("unknown command `{}`; --help lists the commands", names.join(" "));
        command = found.ok_or_else(unknown)?;
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command)
        .render(&mut page)
        .map_err(|error: io::Error| error.to_string())?;
    Ok(page)
}

use std::{
    ffi::OsString,
    io::ErrorKind,
    os::unix::process::CommandExt,
    process::{Command, ExitCode},
};

use clap::Args;
use secrecy::ExposeSecret;

use super::bundle::Bundle;
use crate::{
    cli::{complain, operator::end, store::StoreArgs},
    config,
    secrets::SecretData,
};

/// Start a program with secrets in its environment.
///
/// The program takes the place of this one: it has its process id, gets its signals, and ends with
/// its own exit code. What this one logs in with is not in the program's environment: `VAULT_TOKEN`,
/// `BAO_TOKEN`, `VAULT_TOKEN_FILE`, the client certificate, and all `VALIDATOR_*` are taken out,
/// unless a secret has them. Exits with 127 if there is no such program, 126 if it cannot be started, and
/// 1 if the secrets cannot be had.
#[derive(Args)]
#[command(after_help = "\
Examples:
  vault-auth-validator secrets run acme crm -- /usr/bin/crm serve
  vault-auth-validator secrets run acme common n8n -- n8n start")]
pub(super) struct Run {
    #[command(flatten)]
    bundle: Bundle,
    /// The program and its arguments.
    #[arg(last = true, required = true, value_name = "CMD")]
    command: Vec<OsString>,
    #[command(flatten)]
    store: StoreArgs,
}

/// The exit codes of shells, `env` and their like (POSIX.1-2024, 2.8.2).
const NOT_FOUND: u8 = 127;
const NOT_STARTED: u8 = 126;

impl Run {
    pub(super) fn run(self) -> ExitCode {
        let Self { bundle, command, store } = self;
        let Some((program, arguments)) = command.split_first() else { return ExitCode::FAILURE };
        store.run(async |store| {
            let data = bundle.read(&store).await?.data;
            fits(&data)?;
            // The program takes this one's place, and nobody could do it then.
            end(&store.operator.session).await;
            let mut command = without_credentials(Command::new(program));
            command.args(arguments);
            command.envs(data.iter().map(|(key, value)| (key.as_str(), value.expose_secret())));
            let error = command.exec();
            complain(format!("cannot start {}: {error}", program.display()));
            Ok(ExitCode::from(match error.kind() {
                ErrorKind::NotFound => NOT_FOUND,
                _ => NOT_STARTED,
            }))
        })
    }
}

/// A program that is not to have what this one logs in with.
pub(super) fn without_credentials(mut command: Command) -> Command {
    config::credential_variables().for_each(|name| {
        command.env_remove(name);
    });
    command
}

fn fits(data: &SecretData) -> Result<(), String> {
    match data.iter().find(|(_, value)| value.expose_secret().contains('\0')) {
        Some((key, _)) => Err(format!("`{key}` has a NUL in it, which no environment can hold")),
        None => Ok(()),
    }
}

use std::{
    ffi::{OsStr, OsString},
    io::{self, ErrorKind},
    os::unix::process::CommandExt,
    path::Path,
    process::ExitCode,
};

use clap::Args;
use secrecy::ExposeSecret;

use crate::{
    child_process::{find_program, spawn_failure_code},
    cli::{
        operator::close_session,
        output::print_error,
        secret_client::SecretClientArgs,
        secrets::{
            bundle::SecretBundle,
            child_command::child_command,
            environment::{check_env_values, size_error},
        },
    },
    config::search_path,
    secrets::SecretData,
};

/// Run a program with secrets in its environment.
///
/// The program replaces this process: it keeps the process id, receives the signals, and its exit
/// code is the result. The credentials of this program are removed from its environment:
/// `VAULT_TOKEN`, `BAO_TOKEN`, `VAULT_TOKEN_FILE`, the client certificate, and all `VALIDATOR_*`,
/// unless a secret sets them. Exits with 127 if the program does not exist, 126 if it cannot be
/// started, and 1 if the secrets cannot be read.
#[derive(Args)]
#[command(after_help = "\
Examples:
  vault-auth-validator secrets run acme crm -- /usr/bin/crm serve
  vault-auth-validator secrets run acme common n8n -- n8n start")]
pub(super) struct RunArgs {
    #[command(flatten)]
    bundle: SecretBundle,
    /// A key to pass on although it makes programs load code, such as `LD_PRELOAD` or
    /// `NODE_OPTIONS`. May be repeated.
    #[arg(long, value_name = "KEY")]
    allow: Vec<String>,
    /// The program and its arguments.
    #[arg(last = true, required = true, value_name = "CMD")]
    command: Vec<OsString>,
    #[command(flatten)]
    store: SecretClientArgs,
}

impl RunArgs {
    pub(super) fn run(self) -> ExitCode {
        let Self { bundle, allow, command, store } = self;
        let Some((program, arguments)) = command.split_first() else { return ExitCode::FAILURE };
        store.run(async |store| {
            let data = bundle.read(&store).await?.data;
            check_env_values(&data, &allow)?;
            // The program replaces this process, which could not end the session afterwards.
            close_session(&store.operator.session).await;
            // In this process's own `PATH`: a secret of that name is for the program.
            let error = match find_program(program, search_path()) {
                Ok(found) => execute(program, &found, arguments, &data),
                Err(error) => error,
            };
            let reason = match error.kind() {
                ErrorKind::ArgumentListTooLong => size_error(&data),
                _ => error.to_string(),
            };
            print_error(format!("cannot start {}: {reason}", program.display()));
            Ok(ExitCode::from(spawn_failure_code(&error)))
        })
    }
}

/// Replaces this process by the program. Returns only on failure.
fn execute(name: &OsStr, program: &Path, arguments: &[OsString], data: &SecretData) -> io::Error {
    let mut command = child_command(program);
    command.arg0(name).args(arguments);
    command.envs(data.iter().map(|(key, value)| (key.as_str(), value.expose_secret())));
    command.exec()
}

use std::{
    env,
    ffi::{OsStr, OsString},
    io::{self, ErrorKind},
    os::unix::{ffi::OsStrExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use clap::Args;
use rustix::fs::{Access, access};
use secrecy::ExposeSecret;

use super::{bundle::Bundle, environment};
use crate::{
    cli::{complain, operator::end, store::StoreArgs},
    config::{self, search_path},
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
    /// A key that the program gets although it lets the environment decide on code that programs
    /// load, such as `LD_PRELOAD` or `NODE_OPTIONS`.
    #[arg(long, value_name = "KEY")]
    allow: Vec<String>,
    /// The program and its arguments.
    #[arg(last = true, required = true, value_name = "CMD")]
    command: Vec<OsString>,
    #[command(flatten)]
    store: StoreArgs,
}

/// The exit codes of shells, `env` and their like (POSIX.1-2024, 2.8.2).
const NOT_FOUND: u8 = 127;
const NOT_STARTED: u8 = 126;

/// The search path of a process that has none, as `execvp(3)` has it.
const DEFAULT_PATH: &str = "/bin:/usr/bin";

impl Run {
    pub(super) fn run(self) -> ExitCode {
        let Self { bundle, allow, command, store } = self;
        let Some((program, arguments)) = command.split_first() else { return ExitCode::FAILURE };
        store.run(async |store| {
            let data = bundle.read(&store).await?.data;
            environment::check(&data, &allow)?;
            // The program takes this one's place, and nobody could do it then.
            end(&store.operator.session).await;
            let error = match find(program) {
                Ok(found) => execute(program, &found, arguments, &data),
                Err(error) => error,
            };
            let why = match error.kind() {
                ErrorKind::ArgumentListTooLong => environment::too_large(&data),
                _ => error.to_string(),
            };
            complain(format!("cannot start {}: {why}", program.display()));
            Ok(ExitCode::from(not_started(&error)))
        })
    }
}

/// Finds a program as this process's own `PATH` has it: a secret of that name is for the program.
fn find(program: &OsStr) -> io::Result<PathBuf> {
    if program.as_bytes().contains(&b'/') {
        return Ok(PathBuf::from(program));
    }
    let path = search_path().unwrap_or_else(|| DEFAULT_PATH.into());
    let mut refused = None;
    for folder in env::split_paths(&path) {
        // An empty one is the current folder (POSIX.1-2024, XBD 8.3).
        let folder = if folder.as_os_str().is_empty() { Path::new(".").into() } else { folder };
        let candidate = folder.join(program);
        if !candidate.is_file() {
            continue;
        }
        match access(&candidate, Access::EXEC_OK) {
            Ok(()) => return Ok(candidate),
            Err(error) => refused = Some(error.into()),
        }
    }
    Err(refused.unwrap_or_else(|| io::Error::from(ErrorKind::NotFound)))
}

/// Lets the program take the place of this one. Returns if it cannot.
fn execute(name: &OsStr, program: &Path, arguments: &[OsString], data: &SecretData) -> io::Error {
    let mut command = without_credentials(Command::new(program));
    command.arg0(name).args(arguments);
    command.envs(data.iter().map(|(key, value)| (key.as_str(), value.expose_secret())));
    command.exec()
}

/// Returns the exit code for a program that could not be started.
pub(super) fn not_started(error: &io::Error) -> u8 {
    match error.kind() {
        ErrorKind::NotFound => NOT_FOUND,
        _ => NOT_STARTED,
    }
}

/// A program that is not to have what this one logs in with.
pub(super) fn without_credentials(mut command: Command) -> Command {
    config::credential_variables().for_each(|name| {
        command.env_remove(name);
    });
    command
}

mod program_args;
mod rendered_file;

use std::{ffi::OsString, process::ExitCode, time::Duration};

use clap::Args;
use tokio::sync::{Notify, watch};

use self::{
    program_args::ProgramArgs,
    rendered_file::{FileArgs, RenderedFile},
};
use crate::{
    child_process::{FileChanges, OnChange, RunMode, Supervisor},
    cli::{
        operator::close_session,
        output::{OutputArgs, print_error, usage_error},
        secret_client::{SecretClient, SecretClientArgs, SecretClientConfig},
        secrets::child_command::child_command,
        signals::set_handled,
    },
    config::parse_duration,
};

/// Write secrets to an environment file.
///
/// Only the owner can read the file (mode 0600). It is replaced atomically: readers see either the
/// old file or the new one. A file that already has the right content is not changed. If other
/// users can write to the folder, an existing file of another user is rejected; see --owner.
///
/// With --watch the file is written again whenever one of the secrets changes, until SIGTERM,
/// SIGINT or SIGQUIT; SIGHUP checks for changes at once. While Vault is unreachable the file is
/// kept, and Vault is retried less and less often, down to about once a minute. CMD gets neither
/// the secrets nor the credentials of this program, and an empty standard input. It has its own
/// process group: signals that stop this command are forwarded to it, and after --kill-timeout, or
/// at the second such signal, it gets SIGKILL.
///
/// Exits with 0 when a watch is stopped, and with CMD's exit code if CMD is a service
/// (--on-change): 128 plus the signal's number if a signal terminated it, 127 if the program does
/// not exist and 126 if it cannot be started. Without --watch, a signal makes the exit code 128
/// plus its number.
#[derive(Args)]
#[command(after_help = "\
Examples:
  vault-auth-validator secrets render acme crm --file /run/crm/env
  vault-auth-validator secrets render acme common crm --file /etc/crm.env --dialect systemd
  vault-auth-validator secrets render acme crm --file crm.env --watch -- docker compose up -d crm
  vault-auth-validator secrets render acme crm --file /run/crm/env --watch --on-change restart \\
      --kill-timeout 30s -- /usr/bin/crm serve --env-file /run/crm/env
  vault-auth-validator secrets render acme web --file /run/web/env --watch --on-change signal=SIGHUP \\
      -- /usr/bin/web")]
pub(super) struct Render {
    #[command(flatten)]
    file: FileArgs,
    /// Keep running, and write the file again on every change.
    #[arg(long)]
    watch: bool,
    /// The interval at which Vault is checked for changes.
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = parse_interval)]
    interval: Duration,
    #[command(flatten)]
    program: ProgramArgs,
    #[command(flatten)]
    output: OutputArgs,
    /// Command to run after each change, with its arguments.
    #[arg(last = true, value_name = "CMD")]
    command: Vec<OsString>,
    #[command(flatten)]
    store: SecretClientArgs,
}

impl Render {
    pub(super) fn run(self) -> ExitCode {
        let mode = match (self.watch, self.program.on_change) {
            (false, OnChange::Run) => RunMode::Once,
            (true, OnChange::Run) => RunMode::Watch,
            (true, _) if !self.command.is_empty() => RunMode::Service,
            _ => {
                return usage_error("--on-change needs --watch, and CMD after --");
            }
        };
        self.store.clone().run_before_login(async |access| self.render(access, mode).await)
    }

    async fn render(&self, access: SecretClientConfig, mode: RunMode) -> Result<ExitCode, String> {
        let command = self.command.split_first().map(|(program, arguments)| {
            let mut command = child_command(program);
            command.args(arguments);
            command
        });
        let print_error = |message: &str| print_error(message);
        let supervisor = Supervisor::new(command, self.program.into(), mode, print_error)
            .map_err(|error| format!("cannot register signal handlers: {error}"))?;
        set_handled();
        let store = access.client()?;
        let outcome = self.supervise(&store, supervisor, mode).await;
        close_session(&store.operator.session).await;
        outcome
    }

    /// Writes the file, and runs the program as the mode has it.
    async fn supervise(
        &self,
        store: &SecretClient,
        mut supervisor: Supervisor,
        mode: RunMode,
    ) -> Result<ExitCode, String> {
        let create = async {
            store.operator.log_in().await?;
            RenderedFile::create(&self.file, self.output, store).await
        };
        let file = tokio::select! {
            code = supervisor.stopped() => return Ok(code),
            file = create => file?,
        };
        let (sender, changes) = watch::channel(());
        let poll_now = Notify::new();
        let mut changes = FileChanges { changes, poll_now: &poll_now };
        let supervised = async {
            match (mode, supervisor.has_program()) {
                (RunMode::Once, false) => Ok(ExitCode::SUCCESS),
                (RunMode::Once, true) => supervisor.run_once(&mut changes).await,
                (RunMode::Watch, false) => Ok(supervisor.watch(&mut changes).await),
                (RunMode::Watch, true) => {
                    Ok(supervisor.run_on_changes(&mut changes, self.interval).await)
                }
                (RunMode::Service, _) => Ok(supervisor.run_service(&mut changes).await),
            }
        };
        if mode == RunMode::Once {
            return supervised.await;
        }
        tokio::select! {
            code = supervised => code,
            never = file.watch(&sender, &poll_now, self.interval) => never,
        }
    }
}

fn parse_interval(text: &str) -> Result<Duration, String> {
    parse_duration(text, Duration::from_millis(100), Duration::from_hours(24))
}

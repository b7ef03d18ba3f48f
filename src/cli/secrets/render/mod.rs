mod on_change;
mod pauses;
mod process_group;
mod reactions;
mod rendering;
mod supervisor;

use std::{ffi::OsString, process::ExitCode, time::Duration};

use clap::Args;
use tokio::sync::{Notify, watch};

use self::{
    on_change::{OnChange, ProgramArgs},
    reactions::Mode,
    rendering::Rendering,
    supervisor::{Supervisor, Wires},
};
use super::{bundle::Bundle, file::Target};
use crate::{
    cli::{
        misused,
        operator::end,
        output::Output,
        store::{Store, StoreAccess, StoreArgs},
    },
    secrets::Dialect,
};

/// Write secrets into a file that an environment is made from.
///
/// The file is its owner's alone (mode 0600), and is replaced at once: readers see the old one or
/// the new one, whole. One that says the same already is not touched. Where others may have put a
/// file into the folder, one that is not your own is refused; see --owner.
///
/// With --watch it is written anew whenever one of the secrets says something else, until SIGTERM,
/// SIGINT or SIGQUIT; SIGHUP asks Vault at once. While Vault is away the file stays, and Vault is
/// asked more and more rarely, about once a minute in the end. CMD gets neither the secrets nor what
/// this program logs in with, and nothing to read. It has a process group of its own: what stops
/// this command is handed on to it, and after --kill-timeout, or at the second such signal, it gets
/// SIGKILL.
///
/// Exits with 0 when a watch is stopped, and with CMD's exit code if CMD is a service (--on-change):
/// 128 and the signal's number if a signal ended it, 127 if there is no such program and 126 if it
/// cannot be started. Without --watch, a signal makes the exit code 128 and its number.
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
    bundle: Bundle,
    #[command(flatten)]
    target: Target,
    /// Who reads it: compose, docker, systemd, python-dotenv or sh.
    #[arg(long, default_value_t = Dialect::Compose)]
    dialect: Dialect,
    /// A key that is written although it lets the environment decide on code that programs load,
    /// such as `LD_PRELOAD` or `NODE_OPTIONS`.
    #[arg(long, value_name = "KEY")]
    allow: Vec<String>,
    /// Go on, and write it anew on every change.
    #[arg(long)]
    watch: bool,
    /// How often Vault is asked for changes.
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = interval)]
    interval: Duration,
    #[command(flatten)]
    program: ProgramArgs,
    #[command(flatten)]
    output: Output,
    /// A program that is to know of the file, with its arguments.
    #[arg(last = true, value_name = "CMD")]
    command: Vec<OsString>,
    #[command(flatten)]
    store: StoreArgs,
}

impl Render {
    pub(super) fn run(self) -> ExitCode {
        let mode = match (self.watch, self.program.on_change) {
            (false, OnChange::Run) => Mode::Once,
            (true, OnChange::Run) => Mode::Watch,
            (true, _) if !self.command.is_empty() => Mode::Service,
            _ => {
                return misused("--on-change needs --watch, and CMD behind --");
            }
        };
        self.store.clone().run_before_login(async |access| self.render(access, mode).await)
    }

    async fn render(&self, access: StoreAccess, mode: Mode) -> Result<ExitCode, String> {
        let supervisor = Supervisor::new(&self.command, &self.program, mode)
            .map_err(|error| format!("signals cannot be handled: {error}"))?;
        let store = access.store()?;
        let outcome = self.render_from(&store, supervisor, mode).await;
        end(&store.operator.session).await;
        outcome
    }

    async fn render_from(
        &self,
        store: &Store,
        mut supervisor: Supervisor<'_>,
        mode: Mode,
    ) -> Result<ExitCode, String> {
        let begun = async {
            store.operator.open().await?;
            Rendering::begin(self, store).await
        };
        let rendering = tokio::select! {
            code = supervisor.stopped() => return Ok(code),
            rendering = begun => rendering?,
        };
        let (written, changes) = watch::channel(());
        let check = Notify::new();
        let mut wires = Wires { changes, check: &check };
        let supervised = async {
            match mode {
                Mode::Once if self.command.is_empty() => Ok(ExitCode::SUCCESS),
                Mode::Once => supervisor.run_once(&mut wires).await,
                Mode::Watch if self.command.is_empty() => {
                    Ok(supervisor.watch_alone(&mut wires).await)
                }
                Mode::Watch => Ok(supervisor.run_after_changes(&mut wires, self.interval).await),
                Mode::Service => Ok(supervisor.serve(&mut wires).await),
            }
        };
        if mode == Mode::Once {
            return supervised.await;
        }
        tokio::select! {
            code = supervised => code,
            never = rendering.follow(&written, &check, self.interval) => never,
        }
    }
}

fn interval(text: &str) -> Result<Duration, String> {
    let interval = humantime::parse_duration(text).ok();
    let bounds = Duration::from_millis(100)..=Duration::from_hours(24);
    interval
        .filter(|interval| bounds.contains(interval))
        .ok_or_else(|| "it is a duration from 100ms to 24h, such as 10s".to_owned())
}

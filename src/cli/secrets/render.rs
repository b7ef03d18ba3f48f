use std::{
    ffi::OsString,
    path::PathBuf,
    process::{Command, ExitCode, Stdio},
    time::Duration,
};

use clap::Args;
use serde_json::json;

use super::{
    bundle::Bundle,
    file::{self, Outcome},
    run::without_credentials,
};
use crate::{
    cli::{
        complain,
        output::Output,
        stop::stopped,
        store::{Store, StoreArgs},
    },
    secrets::{Dialect, Version},
};

/// Write secrets into a file that an environment is made from.
///
/// The file is its owner's alone (mode 0600), and is replaced at once: readers see the old one or
/// the new one, whole. If there was one, its owner stays. One that says the same already is not
/// touched.
///
/// With --watch it is written anew whenever one of the secrets says something else, until SIGTERM
/// or SIGINT. While Vault is away the file stays, and Vault is asked more and more rarely, about
/// once a minute in the end. CMD runs after the first time and after each change, and until it
/// exits with 0; it gets neither the secrets nor what this program logs in with.
#[derive(Args)]
#[command(after_help = "\
Examples:
  vault-auth-validator secrets render acme crm --file /run/crm/env
  vault-auth-validator secrets render acme common crm --file /etc/crm.env --dialect systemd
  vault-auth-validator secrets render acme crm --file crm.env --watch -- docker compose up -d crm")]
pub(super) struct Render {
    #[command(flatten)]
    bundle: Bundle,
    /// The file.
    #[arg(long)]
    file: PathBuf,
    /// Who reads it: compose, docker, systemd, python-dotenv or sh.
    #[arg(long, default_value_t = Dialect::Compose)]
    dialect: Dialect,
    /// Go on, and write it anew on every change.
    #[arg(long)]
    watch: bool,
    /// How often Vault is asked for changes.
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = interval)]
    interval: Duration,
    #[command(flatten)]
    output: Output,
    /// A program that is to know of the file, with its arguments.
    #[arg(last = true, value_name = "CMD")]
    command: Vec<OsString>,
    #[command(flatten)]
    store: StoreArgs,
}

/// The longest pause while something goes wrong, unless the interval is longer.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// How far it has got.
#[derive(Default)]
struct State {
    /// The versions that the file was last written from.
    rendered: Vec<Version>,
    /// Whether the program has yet to be told.
    owing: bool,
}

impl Render {
    pub(super) fn run(self) -> ExitCode {
        self.store.clone().run(async |store| {
            let mut state = State::default();
            match self.round(&store, &mut state).await {
                // The program may not be ready for it yet.
                Err(error) if self.watch && state.owing => complain(error),
                outcome => outcome?,
            }
            if self.watch {
                tokio::select! {
                    () = stopped() => {}
                    () = self.keep_on(&store, state) => {}
                }
            }
            Ok(ExitCode::SUCCESS)
        })
    }

    /// Looks again and again, and says what is wrong whenever that is something new.
    async fn keep_on(&self, store: &Store, mut state: State) {
        let mut pause = self.interval;
        let mut said = None;
        loop {
            tokio::time::sleep(pause.mul_f64(rand::random_range(0.75..1.25))).await;
            match self.look(store, &mut state).await {
                Ok(()) => (pause, said) = (self.interval, None),
                Err(error) => {
                    pause = (2 * pause).min(LONGEST_PAUSE.max(self.interval));
                    if said.as_ref() != Some(&error) {
                        complain(format!("{error}; the file stays as it is, and I try again"));
                    }
                    said = Some(error);
                }
            }
        }
    }

    async fn look(&self, store: &Store, state: &mut State) -> Result<(), String> {
        let session = &store.operator.session;
        session.refresh().await.map_err(|error| error.to_string())?;
        if !state.owing && self.bundle.is_still(store, &state.rendered).await? {
            return Ok(());
        }
        self.round(store, state).await
    }

    /// Writes the file if it has to be, and tells the program if it does not know.
    async fn round(&self, store: &Store, state: &mut State) -> Result<(), String> {
        let contents = self.bundle.read(store).await?;
        let lines = contents.data.to_env(self.dialect).map_err(|error| error.to_string())?;
        let outcome = file::replace(&self.file, lines.as_bytes())
            .map_err(|error| format!("{}: {error}", self.file.display()))?;
        let first = state.rendered.is_empty();
        state.rendered = contents.versions;
        if first || outcome == Outcome::Written {
            state.owing = !self.command.is_empty();
            self.tell(outcome, &state.rendered);
        }
        if state.owing {
            self.notify().await?;
            state.owing = false;
        }
        Ok(())
    }

    fn tell(&self, outcome: Outcome, versions: &[Version]) {
        let file = self.file.display();
        let done = match outcome {
            Outcome::Written => "written",
            Outcome::Unchanged => "unchanged",
        };
        self.output.print(
            || {
                let secrets = self.bundle.as_json(versions);
                json!({"file": file.to_string(), "outcome": done, "secrets": secrets})
            },
            |_| format!("{file} {done}: {}", self.bundle.told(versions)),
        );
    }

    /// Runs the program, to its end.
    async fn notify(&self) -> Result<(), String> {
        let Some((program, arguments)) = self.command.split_first() else { return Ok(()) };
        let mut command = without_credentials(Command::new(program));
        command.args(arguments).stdin(Stdio::null());
        let mut command = tokio::process::Command::from(command);
        let status = command.kill_on_drop(true).status().await;
        let program = program.display();
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(format!("{program}: {status}")),
            Err(error) => Err(format!("cannot start {program}: {error}")),
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

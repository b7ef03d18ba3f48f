use std::time::Duration;

use clap::Args;
use serde_json::json;
use tokio::{
    sync::{Notify, watch},
    time::timeout,
};

use crate::{
    child_process::PollInterval,
    cli::{
        output::{OutputArgs, print_error},
        secret_client::SecretClient,
        secrets::{
            bundle::SecretBundle,
            environment::check_env_values,
            target_file::{TargetFile, WriteOutcome},
        },
    },
    secrets::{EnvFormat, SecretVersion},
};

/// The arguments that determine the file and its content.
#[derive(Args)]
pub(super) struct FileArgs {
    #[command(flatten)]
    bundle: SecretBundle,
    #[command(flatten)]
    target: TargetFile,
    /// The reader of the file: compose, docker, systemd, python-dotenv or sh.
    #[arg(long, default_value_t = EnvFormat::Compose)]
    dialect: EnvFormat,
    /// A key to write although it makes programs load code, such as `LD_PRELOAD` or `NODE_OPTIONS`.
    /// May be repeated.
    #[arg(long, value_name = "KEY")]
    allow: Vec<String>,
}

/// A file that is kept in sync with its secrets.
pub(super) struct RenderedFile<'a> {
    args: &'a FileArgs,
    output: OutputArgs,
    store: &'a SecretClient,
    /// The versions that the file was last written from.
    versions: Vec<SecretVersion>,
}

impl<'a> RenderedFile<'a> {
    /// Writes the file for the first time, and prints the result.
    ///
    /// # Errors
    /// Reports secrets that cannot be read, and a file that cannot be written.
    pub(super) async fn create(
        args: &'a FileArgs,
        output: OutputArgs,
        store: &'a SecretClient,
    ) -> Result<Self, String> {
        let mut file = Self { args, output, store, versions: Vec::new() };
        let outcome = file.write().await?;
        file.print_outcome(outcome);
        Ok(file)
    }

    /// Polls for changes forever, and notifies `changes` after each write. An error is reported
    /// unless it repeats the previous one.
    pub(super) async fn watch(
        mut self,
        changes: &watch::Sender<()>,
        poll_now: &Notify,
        interval: Duration,
    ) -> ! {
        let mut poll_interval = PollInterval::new(interval);
        let mut reported = None;
        loop {
            // Ends early if a check is requested.
            let _ = timeout(poll_interval.delay(), poll_now.notified()).await;
            match self.sync().await {
                Ok(outcome) => {
                    poll_interval.reset();
                    reported = None;
                    if outcome == WriteOutcome::Written {
                        self.print_outcome(outcome);
                        changes.send_replace(());
                    }
                }
                Err(error) => {
                    poll_interval.increase();
                    if reported.as_ref() != Some(&error) {
                        print_error(format!("{error}; keeping the current file and retrying"));
                    }
                    reported = Some(error);
                }
            }
        }
    }

    async fn sync(&mut self) -> Result<WriteOutcome, String> {
        let session = &self.store.operator.session;
        session.ensure_token().await.map_err(|error| error.to_string())?;
        if self.args.bundle.is_current(self.store, &self.versions).await? {
            return Ok(WriteOutcome::Unchanged);
        }
        self.write().await
    }

    async fn write(&mut self) -> Result<WriteOutcome, String> {
        let FileArgs { bundle, target, dialect, allow } = self.args;
        let contents = bundle.read(self.store).await?;
        check_env_values(&contents.data, allow)?;
        let lines = contents.data.to_env(*dialect).map_err(|error| error.to_string())?;
        let outcome = target
            .replace(lines.as_bytes())
            .map_err(|error| format!("{}: {error}", target.file.display()))?;
        self.versions = contents.versions;
        Ok(outcome)
    }

    fn print_outcome(&self, outcome: WriteOutcome) {
        let FileArgs { bundle, target, .. } = self.args;
        let file = target.file.display();
        let outcome = match outcome {
            WriteOutcome::Written => "written",
            WriteOutcome::Unchanged => "unchanged",
        };
        self.output.print(
            || {
                let secrets = bundle.versions_as_json(&self.versions);
                json!({"file": file.to_string(), "outcome": outcome, "secrets": secrets})
            },
            |_| format!("{file} {outcome}: {}", bundle.versions_as_text(&self.versions)),
        );
    }
}

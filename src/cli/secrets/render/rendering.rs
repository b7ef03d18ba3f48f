//! The file, and the secrets that it follows.

use std::time::Duration;

use serde_json::json;
use tokio::{
    sync::{Notify, watch},
    time::timeout,
};

use super::{Render, pauses::Pauses};
use crate::{
    cli::{
        complain,
        secrets::{environment, file::Outcome},
        store::Store,
    },
    secrets::Version,
};

/// A file that is kept in step with its secrets.
pub(super) struct Rendering<'a> {
    render: &'a Render,
    store: &'a Store,
    /// The versions that the file was last written from.
    rendered: Vec<Version>,
}

impl<'a> Rendering<'a> {
    /// Writes the file for the first time.
    ///
    /// # Errors
    /// Says what was wrong.
    pub(super) async fn begin(render: &'a Render, store: &'a Store) -> Result<Self, String> {
        let mut rendering = Self { render, store, rendered: Vec::new() };
        let outcome = rendering.write().await?;
        rendering.tell(outcome);
        Ok(rendering)
    }

    /// Looks for changes for ever, and says what is wrong whenever that is something new.
    pub(super) async fn follow(
        mut self,
        changes: &watch::Sender<()>,
        check: &Notify,
        interval: Duration,
    ) -> ! {
        let mut pauses = Pauses::new(interval);
        let mut said = None;
        loop {
            // It is over early if a look is asked for.
            let _ = timeout(pauses.current(), check.notified()).await;
            match self.look().await {
                Ok(outcome) => {
                    pauses.succeeded();
                    said = None;
                    if outcome == Outcome::Written {
                        self.tell(outcome);
                        changes.send_replace(());
                    }
                }
                Err(error) => {
                    pauses.failed();
                    if said.as_ref() != Some(&error) {
                        complain(format!("{error}; the file stays as it is, and I try again"));
                    }
                    said = Some(error);
                }
            }
        }
    }

    async fn look(&mut self) -> Result<Outcome, String> {
        let session = &self.store.operator.session;
        session.refresh().await.map_err(|error| error.to_string())?;
        if self.render.bundle.is_still(self.store, &self.rendered).await? {
            return Ok(Outcome::Unchanged);
        }
        self.write().await
    }

    async fn write(&mut self) -> Result<Outcome, String> {
        let Render { bundle, dialect, allow, target, .. } = self.render;
        let contents = bundle.read(self.store).await?;
        environment::check(&contents.data, allow)?;
        let lines = contents.data.to_env(*dialect).map_err(|error| error.to_string())?;
        let outcome = target
            .replace(lines.as_bytes())
            .map_err(|error| format!("{}: {error}", target.file.display()))?;
        self.rendered = contents.versions;
        Ok(outcome)
    }

    fn tell(&self, outcome: Outcome) {
        let Render { bundle, target, output, .. } = self.render;
        let file = target.file.display();
        let done = match outcome {
            Outcome::Written => "written",
            Outcome::Unchanged => "unchanged",
        };
        output.print(
            || {
                let secrets = bundle.as_json(&self.rendered);
                json!({"file": file.to_string(), "outcome": done, "secrets": secrets})
            },
            |_| format!("{file} {done}: {}", bundle.told(&self.rendered)),
        );
    }
}

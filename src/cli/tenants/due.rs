//! `tenants rotate --due`: the rotation of all tenants that have an interval.

use std::{process::ExitCode, time::Duration};

use tokio::{task::JoinHandle, time::sleep};

use super::{
    due_report::{Row, Rows},
    rotation::{Outcome, rotate_if_due, survey_if_due},
    rotation_report::Mode,
    schedule::unlisted,
};
use crate::{
    cli::{
        complain,
        output::{Output, counted},
        steps::unless_stopped,
        stop::stopped,
        store::{Store, StoreArgs},
    },
    tenants::{RotationInterval, TenantName},
    vault::TenantSettings,
};

/// The longest pause after a round that failed.
const RETRY: Duration = Duration::from_hours(1);

/// The command.
pub(super) struct RotateDue {
    pub(super) mode: Mode,
    /// The pause after which it is done again; `None` does it once.
    pub(super) repeat: Option<Duration>,
    pub(super) output: Output,
    pub(super) store: StoreArgs,
}

impl RotateDue {
    pub(super) fn run(self) -> ExitCode {
        self.store.clone().run(async |store| {
            // From here on a signal is never lost, and ends also what runs as PID 1.
            let mut stop = tokio::spawn(stopped());
            match self.repeat {
                None => self.round(&store, &stop).await?,
                Some(pause) => self.keep_on(&store, &mut stop, pause).await,
            }
            Ok(ExitCode::SUCCESS)
        })
    }

    /// Does it again and again, until a signal ends it.
    async fn keep_on(&self, store: &Store, stop: &mut JoinHandle<()>, repeat: Duration) {
        loop {
            let outcome = self.round(store, stop).await;
            if unless_stopped(stop).is_break() {
                return;
            }
            let pause = if outcome.is_ok() { repeat } else { repeat.min(RETRY) };
            if let Err(error) = outcome {
                let pause = humantime::format_duration(pause);
                complain(format!("{error}; it is done again in {pause}"));
            }
            tokio::select! {
                () = sleep(pause) => {}
                _ = &mut *stop => return,
            }
        }
    }

    /// Goes through all tenants once. A tenant that fails does not keep the others.
    async fn round(&self, store: &Store, stop: &JoinHandle<()>) -> Result<(), String> {
        let settings = TenantSettings::new(&store.operator.session, &store.mounts);
        refresh(store).await?;
        let intervals = settings.rotation_intervals().await;
        let intervals = intervals.map_err(|error| unlisted(&error, &store.mounts))?;
        if intervals.is_empty() {
            // So it is also in a mount that keeps no versions, where no settings can be.
            let mounted = store.with(async |secrets| secrets.check_mount().await).await;
            mounted.map_err(|error| format!("{}/: {error}", store.mounts.kv))?;
        }
        let mut rows = Rows::new(self.mode);
        for (tenant, interval) in intervals {
            if unless_stopped(stop).is_break() {
                break;
            }
            let outcome = self.one(store, &tenant, interval.as_ref()).await;
            rows.push(Row { tenant, interval: interval.ok(), outcome });
        }
        self.output.print(|| rows.as_json(), |style| rows.as_text(style));
        if unless_stopped(stop).is_break() {
            return Err("stopped by a signal; run it again to go on".to_owned());
        }
        match rows.count("failed") {
            0 => Ok(()),
            failed => Err(format!("{} could not be dealt with", counted(failed, "tenant"))),
        }
    }

    async fn one(
        &self,
        store: &Store,
        tenant: &str,
        interval: Result<&RotationInterval, &String>,
    ) -> Outcome {
        let failed = |why: &str| Outcome::Failed(format!("{}: {why}", tenant.escape_debug()), None);
        let interval = match interval {
            Ok(interval) => *interval,
            Err(why) => return failed(&format!("its rotation interval: {why}")),
        };
        let Some(tenant) = TenantName::parse(tenant) else {
            return failed("no tenant can be called so");
        };
        if let Err(error) = refresh(store).await {
            return failed(&error);
        }
        match self.mode {
            Mode::Survey => survey_if_due(store, &tenant, interval).await,
            Mode::Rotation => rotate_if_due(store, &tenant, interval).await,
        }
    }
}

/// Keeps the token alive, or logs in anew: a round may take hours, and the pause between two longer.
async fn refresh(store: &Store) -> Result<(), String> {
    store.operator.session.refresh().await.map_err(|error| error.to_string())
}

/// Reads a pause between two rounds.
///
/// # Errors
/// A message that says which form it has to have.
pub(super) fn repeat(text: &str) -> Result<Duration, String> {
    let pause = humantime::parse_duration(text).ok();
    let bounds = Duration::from_mins(1)..=Duration::from_hours(31 * 24);
    pause
        .filter(|pause| bounds.contains(pause))
        .ok_or_else(|| "it is a duration from 1m to 31d, such as 1d".to_owned())
}

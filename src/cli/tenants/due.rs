//! `tenants rotate --due`: the rotation of all tenants that have an interval.

use std::{process::ExitCode, time::Duration};

use tokio::{task::JoinHandle, time::sleep};

use super::{
    due_report::{Row, Rows},
    rotation::{RotationOutcome, rotate_if_due, survey_if_due},
    rotation_report::RotationMode,
};
use crate::{
    cli::{
        output::{OutputArgs, pluralize},
        plan_output::unless_stopped,
        print_error,
        secret_client::{SecretClient, SecretClientArgs},
        signals::shutdown_signal,
    },
    tenants::{RotationInterval, TenantName},
    vault::{TenantSettings, unreadable_settings},
};

/// The maximum interval between a round that failed and the next.
const RETRY_INTERVAL: Duration = Duration::from_hours(1);

/// The arguments of `tenants rotate --due`.
pub(super) struct RotateDue {
    pub(super) mode: RotationMode,
    /// The interval between two rounds; `None` runs one round.
    pub(super) repeat: Option<Duration>,
    pub(super) output: OutputArgs,
    pub(super) store: SecretClientArgs,
}

impl RotateDue {
    pub(super) fn run(self) -> ExitCode {
        self.store.clone().run(async |store| {
            // From here on, signals are handled, also by a process with PID 1.
            let mut stop = tokio::spawn(shutdown_signal());
            match self.repeat {
                None => self.run_round(&store, &stop).await?,
                Some(interval) => self.repeat_rounds(&store, &mut stop, interval).await,
            }
            Ok(ExitCode::SUCCESS)
        })
    }

    /// Runs rounds until a signal stops the command.
    async fn repeat_rounds(
        &self,
        store: &SecretClient,
        stop: &mut JoinHandle<()>,
        repeat: Duration,
    ) {
        loop {
            let outcome = self.run_round(store, stop).await;
            if unless_stopped(stop).is_break() {
                return;
            }
            let pause = if outcome.is_ok() { repeat } else { repeat.min(RETRY_INTERVAL) };
            if let Err(error) = outcome {
                let pause = humantime::format_duration(pause);
                print_error(format!("{error}; the next round starts in {pause}"));
            }
            tokio::select! {
                () = sleep(pause) => {}
                _ = &mut *stop => return,
            }
        }
    }

    /// Processes all tenants once. The failure of one tenant does not stop the others.
    async fn run_round(&self, store: &SecretClient, stop: &JoinHandle<()>) -> Result<(), String> {
        let settings = TenantSettings::new(&store.operator.session, &store.mounts);
        refresh(store).await?;
        let intervals = settings.rotation_intervals().await;
        let intervals =
            intervals.map_err(|error| unreadable_settings(&error, &store.mounts).to_string())?;
        if intervals.is_empty() {
            // The list is also empty in a mount of KV version 1, which cannot hold settings.
            let mounted = store.with(async |secrets| secrets.check_kv_version().await).await;
            mounted.map_err(|error| format!("{}/: {error}", store.mounts.kv))?;
        }
        let mut rows = Rows::new(self.mode);
        for (tenant, interval) in intervals {
            if unless_stopped(stop).is_break() {
                break;
            }
            let outcome = self.process_tenant(store, &tenant, interval.as_ref()).await;
            rows.push(Row { tenant, interval: interval.ok(), outcome });
        }
        self.output.print(|| rows.as_json(), |style| rows.as_text(style));
        if unless_stopped(stop).is_break() {
            return Err("stopped by a signal; run it again to continue".to_owned());
        }
        match rows.count("failed") {
            0 => Ok(()),
            failed => Err(format!("{} could not be processed", pluralize(failed, "tenant"))),
        }
    }

    async fn process_tenant(
        &self,
        store: &SecretClient,
        tenant: &str,
        interval: Result<&RotationInterval, &String>,
    ) -> RotationOutcome {
        let failed = |error: &str| {
            RotationOutcome::Failed(format!("{}: {error}", tenant.escape_debug()), None)
        };
        let interval = match interval {
            Ok(interval) => *interval,
            Err(error) => return failed(&format!("its rotation interval: {error}")),
        };
        let Some(tenant) = TenantName::parse(tenant) else {
            return failed("not a valid tenant name");
        };
        if let Err(error) = refresh(store).await {
            return failed(&error);
        }
        match self.mode {
            RotationMode::DryRun => survey_if_due(store, &tenant, interval).await,
            RotationMode::Apply => rotate_if_due(store, &tenant, interval).await,
        }
    }
}

/// Renews the token, or logs in again: a round may take hours, and the interval to the next longer.
async fn refresh(store: &SecretClient) -> Result<(), String> {
    store.operator.session.ensure_token().await.map_err(|error| error.to_string())
}

/// Parses the interval between two rounds.
///
/// # Errors
/// Returns a message that states the bounds.
pub(super) fn parse_repeat(text: &str) -> Result<Duration, String> {
    let interval = humantime::parse_duration(text).ok();
    let bounds = Duration::from_mins(1)..=Duration::from_hours(31 * 24);
    interval
        .filter(|interval| bounds.contains(interval))
        .ok_or_else(|| "expected a duration from 1m to 31d, such as 1d".to_owned())
}

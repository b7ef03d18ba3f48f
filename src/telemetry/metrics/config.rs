use prometheus_client::metrics::gauge::Gauge;

use super::{Metrics, labels::Counters, registry::Registries};
use crate::wall_clock;

/// The outcome of a reload of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReloadOutcome {
    /// The service runs with the configuration as it was read.
    Ok,
    /// The configuration is invalid, and the service runs with the one before.
    Failed,
}

/// The metrics of the configuration.
pub(super) struct ConfigMetrics {
    reloads: Counters<1>,
    successful: Gauge,
    loaded: Gauge,
}

impl ConfigMetrics {
    pub(super) fn register(registries: &mut Registries) -> Self {
        let metrics = Self {
            reloads: Counters::default(),
            successful: Gauge::default(),
            loaded: Gauge::default(),
        };
        for outcome in [ReloadOutcome::Ok, ReloadOutcome::Failed] {
            drop(metrics.reloads.get_or_create(&[("outcome", outcome.label())]));
        }
        registries.own("config_reloads", "Reloads of the configuration", &metrics.reloads);
        let help = "1 unless the last reload of the configuration failed";
        registries.own("config_last_reload_successful", help, &metrics.successful);
        metrics.successful.set(1);
        let help = "Time at which the configuration was read that the service runs with";
        registries.own("config_last_reload_success_timestamp_seconds", help, &metrics.loaded);
        metrics.loaded.set(wall_clock::now().as_second());
        metrics
    }
}

impl ReloadOutcome {
    fn label(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
        }
    }
}

impl Metrics {
    /// Records that the configuration was read again.
    pub fn record_reload(&self, outcome: ReloadOutcome) {
        self.config.reloads.get_or_create(&[("outcome", outcome.label())]).inc();
        self.config.successful.set(i64::from(outcome == ReloadOutcome::Ok));
        if outcome == ReloadOutcome::Ok {
            self.config.loaded.set(wall_clock::now().as_second());
        }
    }
}

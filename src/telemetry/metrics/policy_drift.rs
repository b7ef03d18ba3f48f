use std::time::Duration;

use super::{
    Metrics,
    labels::{Counters, Gauges, OptionalGauge, gauge_value, set_optional},
    registry::Registries,
};
use crate::wall_clock;

/// The numbers of policies in Vault that differ from those in the directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PolicyDrift {
    /// Policies with another content.
    pub changed: u64,
    /// Policies that are missing in Vault.
    pub missing: u64,
    /// Policies that are missing in the directory.
    pub extra: u64,
}

/// The metrics of the comparison of policies.
pub(super) struct DriftMetrics {
    policies: Gauges<1>,
    checks: Counters<1>,
    checked: OptionalGauge,
    interval: OptionalGauge,
}

impl DriftMetrics {
    pub(super) fn register(registries: &mut Registries) -> Self {
        let metrics = Self {
            policies: Gauges::default(),
            checks: Counters::default(),
            checked: OptionalGauge::default(),
            interval: OptionalGauge::default(),
        };
        let help = "Policies in Vault that differ from VALIDATOR_POLICY_DRIFT_DIR";
        registries.own("policy_drift", help, &metrics.policies);
        registries.own("policy_drift_checks", "Comparisons of policies", &metrics.checks);
        let help = "Time of the last successful comparison of policies";
        registries.own("policy_drift_checked_timestamp_seconds", help, &metrics.checked);
        let help = "Interval of the comparisons of policies";
        registries.own("policy_drift_interval_seconds", help, &metrics.interval);
        metrics
    }
}

impl Metrics {
    /// Sets the interval at which policies are compared.
    pub fn set_policy_drift_interval(&self, interval: Duration) {
        set_optional(&self.drift.interval, i64::try_from(interval.as_secs()).ok());
    }

    /// Removes the values, since policies are not compared any more.
    pub fn clear_policy_drift(&self) {
        self.drift.policies.clear();
        set_optional(&self.drift.checked, None);
        set_optional(&self.drift.interval, None);
    }

    /// Records a successful comparison of policies.
    pub fn record_policy_drift(&self, drift: PolicyDrift) {
        let PolicyDrift { changed, missing, extra } = drift;
        for (kind, number) in [("changed", changed), ("missing", missing), ("extra", extra)] {
            self.drift.policies.get_or_create(&[("kind", kind)]).set(gauge_value(number));
        }
        self.drift.checks.get_or_create(&[("outcome", "ok")]).inc();
        set_optional(&self.drift.checked, Some(wall_clock::now().as_second()));
    }

    /// Counts a comparison of policies that failed.
    pub fn record_policy_drift_failure(&self) {
        self.drift.checks.get_or_create(&[("outcome", "failed")]).inc();
    }
}

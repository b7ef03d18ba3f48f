//! The comparison of the policies in Vault with files, in the background. The result is in the metrics
//! and in the log, and has no effect on requests.

mod log;

use std::{sync::Arc, time::Duration};

use tokio::{task::spawn_blocking, time::sleep};
use tokio_util::task::AbortOnDropHandle;

use self::log::DriftLog;
use crate::{
    config::PolicyDriftSettings,
    policy::{PolicyDifferences, PolicyPlan, PolicySet, UnmanagedPolicies},
    telemetry::{Metrics, PolicyDrift},
    vault::{VaultPolicies, VaultSession},
};

/// The maximum delay of the first comparison.
const MAX_FIRST_DELAY: Duration = Duration::from_secs(10);

/// The random part of the interval: replicas that start together do not read the policies together.
const JITTER: f64 = 0.1;

/// Compares the policies until the returned handle is dropped; `None` without settings.
pub(super) fn spawn(
    settings: Option<PolicyDriftSettings>,
    session: &Arc<VaultSession>,
    metrics: &Arc<Metrics>,
) -> Option<AbortOnDropHandle<()>> {
    let (session, metrics) = (Arc::clone(session), Arc::clone(metrics));
    let task = |settings| async move { compare_at_intervals(settings, &session, &metrics).await };
    settings.map(|settings| AbortOnDropHandle::new(tokio::spawn(task(settings))))
}

async fn compare_at_intervals(
    settings: PolicyDriftSettings,
    session: &VaultSession,
    metrics: &Metrics,
) {
    metrics.set_policy_drift_interval(settings.interval);
    let mut log = DriftLog::default();
    sleep(settings.interval.min(MAX_FIRST_DELAY).mul_f64(rand::random())).await;
    loop {
        let outcome = compare(&settings, session).await;
        match &outcome {
            Ok(differences) => metrics.record_policy_drift(count(differences)),
            Err(_) => metrics.record_policy_drift_failure(),
        }
        log.record(outcome);
        let jitter = rand::random_range(1.0 - JITTER..1.0 + JITTER);
        sleep(settings.interval.mul_f64(jitter)).await;
    }
}

/// Compares the policies once. The error is the reason why their differences are unknown.
async fn compare(
    settings: &PolicyDriftSettings,
    session: &VaultSession,
) -> Result<PolicyDifferences, String> {
    let folder = settings.folder.clone();
    let read = spawn_blocking(move || PolicySet::read_folder(&folder)).await;
    let set = read.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
    let store = VaultPolicies::for_service(session);
    let plan = PolicyPlan::compute(&set, &store, UnmanagedPolicies::Keep).await;
    Ok(plan.map_err(|error| error.to_string())?.into())
}

fn count(differences: &PolicyDifferences) -> PolicyDrift {
    let number = |names: &[String]| u64::try_from(names.len()).unwrap_or(u64::MAX);
    PolicyDrift {
        changed: number(&differences.changed),
        missing: number(&differences.missing),
        extra: number(&differences.extra),
    }
}

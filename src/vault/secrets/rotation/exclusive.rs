//! Work on a tenant's key under the rotation lease: by one process at a time, on any machine.

use std::{
    fs,
    time::{Duration, Instant},
};

use super::{RotationError, RotationMonitor};
use crate::{
    secrets::{LeaseHolder, SecretError},
    tenants::TenantName,
    vault::{LeaseAcquisition, RotationLease, SessionSecrets},
};

/// The mean interval at which a lease that another process holds is requested again.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// The timeout of releasing a lease. It may be shorter than Vault's.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(2);

/// Runs work on a tenant's key while no other process does. The lease is renewed meanwhile, and
/// released at the end, also if the work is stopped, which cancels it at an await point.
///
/// # Errors
/// Those of the work; [`RotationError`] if the lease cannot be acquired or is lost, or the work is
/// stopped.
pub(super) async fn run_exclusively<T>(
    secrets: SessionSecrets<'_>,
    tenant: &TenantName,
    max_wait: Duration,
    monitor: &impl RotationMonitor,
    work: impl AsyncFnOnce(&RotationLease) -> Result<T, RotationError>,
) -> Result<T, RotationError> {
    let lease = tokio::select! {
        lease = acquire(secrets, tenant, max_wait, monitor) => lease?,
        () = monitor.stopped() => return Err(RotationError::Stopped),
    };
    let outcome = tokio::select! {
        outcome = work(&lease) => outcome,
        () = renew_until_lost(secrets, &lease) => Err(SecretError::LeaseLost.into()),
        () = monitor.stopped() => Err(RotationError::Stopped),
    };
    // A lease that cannot be released ends by itself.
    let released = secrets.with(async |secrets| lease.release(&secrets).await);
    let _ = tokio::time::timeout(RELEASE_TIMEOUT, released).await;
    outcome
}

async fn acquire(
    secrets: SessionSecrets<'_>,
    tenant: &TenantName,
    max_wait: Duration,
    monitor: &impl RotationMonitor,
) -> Result<RotationLease, RotationError> {
    let own = this_process();
    let start = Instant::now();
    let mut first: Option<LeaseHolder> = None;
    let mut reported = None;
    loop {
        let acquired =
            secrets.with(async |secrets| secrets.acquire_rotation_lease(tenant, &own).await);
        let holder = match acquired.await? {
            LeaseAcquisition::Acquired(lease) => {
                return Ok(match &first {
                    Some(holder) => lease.with_previous_holder(holder),
                    None => lease,
                });
            }
            LeaseAcquisition::HeldBy(holder) => holder,
        };
        if start.elapsed() >= max_wait {
            return Err(RotationError::LeaseHeld(holder));
        }
        if reported.as_ref() != Some(&holder.id) {
            monitor.waiting_for_lease(&holder, max_wait);
            reported = Some(holder.id.clone());
            first.get_or_insert(holder);
        }
        tokio::time::sleep(POLL_INTERVAL.mul_f64(rand::random_range(0.5..1.5))).await;
    }
}

/// Renews the lease until another process has it. Renewals that fail otherwise are retried at the
/// next interval.
async fn renew_until_lost(secrets: SessionSecrets<'_>, lease: &RotationLease) {
    loop {
        tokio::time::sleep(RotationLease::RENEWAL).await;
        let renewed = secrets.with(async |secrets| lease.renew(&secrets).await).await;
        if let Err(SecretError::LeaseLost) = renewed {
            return;
        }
    }
}

fn this_process() -> LeaseHolder {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = if host.trim().is_empty() { "an unknown machine" } else { host.trim() };
    LeaseHolder {
        id: format!("{:032x}", rand::random::<u128>()),
        host: host.to_owned(),
        process: std::process::id(),
        user: format!("uid {}", rustix::process::getuid().as_raw()),
        since: None,
    }
}

//! A rotation that is carried out only if it is due.

use std::time::Duration;

use jiff::Timestamp;

use super::{
    OldVersions, RewrapMode, RotationError, RotationMonitor, RotationReason, RotationReport,
    RotationStart,
    exclusive::run_exclusively,
    rotate::{TenantKeyRotation, stage},
};
use crate::{
    secrets::{LeaseHolder, RotationStage, SecretError, StoredVersion},
    tenants::{KeyAge, KeyVersions, RotationDue, RotationInterval, TenantName},
    vault::{RotationLease, SessionSecrets, server_time},
};

/// The outcome of a rotation that is carried out only if it is due.
#[derive(Clone, Debug)]
pub enum DueRotation {
    /// It is not due.
    NotDue,
    /// It was due for this reason, and was carried out, or would be.
    Done(RotationReason, RotationReport),
    /// Another process is rotating the key.
    InProgress(LeaseHolder),
    /// It failed, with what was done until then.
    Failed(RotationError, Option<RotationReport>),
    /// It was stopped, with what was done until then.
    Stopped(Option<RotationReport>),
}

/// Rotates the tenant's key if that is due, both before and after the rotation lease is acquired:
/// two concurrent calls do not rotate it twice.
pub async fn rotate_if_due(
    secrets: SessionSecrets<'_>,
    tenant: &TenantName,
    interval: RotationInterval,
    monitor: &impl RotationMonitor,
) -> DueRotation {
    let rotation = TenantKeyRotation::new(secrets, tenant, OldVersions::Keep, monitor);
    let reason = tokio::select! {
        reason = rotation.due_reason(interval) => reason,
        () = monitor.stopped() => Err(RotationError::Stopped),
    };
    let outcome = match reason {
        Ok(Some(_)) => rotation.run_if_due(interval).await,
        not_due => not_due,
    };
    rotation.into_due_rotation(outcome)
}

/// Returns what [`rotate_if_due`] would do, and changes nothing.
pub async fn survey_if_due(
    secrets: SessionSecrets<'_>,
    tenant: &TenantName,
    interval: RotationInterval,
    monitor: &impl RotationMonitor,
) -> DueRotation {
    let rotation = TenantKeyRotation::new(secrets, tenant, OldVersions::Keep, monitor);
    let outcome = match rotation.due_reason(interval).await {
        Ok(Some(reason)) => rotation.survey(Some(reason)).await.map(|()| Some(reason)),
        not_due => not_due,
    };
    rotation.into_due_rotation(outcome)
}

impl<M: RotationMonitor> TenantKeyRotation<'_, M> {
    async fn run_if_due(
        &self,
        interval: RotationInterval,
    ) -> Result<Option<RotationReason>, RotationError> {
        let work = async |lease: &RotationLease| {
            let key = self.key().await?;
            let reason = self.reason(key, lease.stored_key_version(), interval).await?;
            if reason.is_some() {
                self.rotate(lease, key, reason).await?;
            }
            Ok(reason)
        };
        run_exclusively(self.secrets, self.tenant, Duration::ZERO, self.monitor, work).await
    }

    /// Returns the reason why it is due, without the lease: other processes may rotate the key.
    async fn due_reason(
        &self,
        interval: RotationInterval,
    ) -> Result<Option<RotationReason>, RotationError> {
        let key = self.key().await?;
        let stored = self.stored_key_version().await?;
        self.reason(key, stored, interval).await
    }

    async fn reason(
        &self,
        key: KeyVersions,
        stored: Option<StoredVersion>,
        interval: RotationInterval,
    ) -> Result<Option<RotationReason>, RotationError> {
        let stage = stage(stored, key);
        let age = match self.key_age(key).await {
            Err(_) if stage == Some(RotationStage::Rewrapping) => {
                return Ok(Some(RotationReason::Unfinished));
            }
            age => age?,
        };
        match (interval.compare(Some(age)), stage) {
            (RotationDue::Due | RotationDue::Overdue | RotationDue::Unknown, _) => {
                Ok(Some(RotationReason::KeyAge(age)))
            }
            (RotationDue::NotYet, Some(RotationStage::Rewrapping)) => {
                Ok(Some(RotationReason::Unfinished))
            }
            (RotationDue::NotYet, Some(RotationStage::Complete)) => Ok(None),
            // There is no older version.
            (RotationDue::NotYet, _) if key.latest == 1 => Ok(None),
            (RotationDue::NotYet, _) => self.outdated(key).await,
        }
    }

    /// Returns the present age of the key by Vault's clock.
    async fn key_age(&self, key: KeyVersions) -> Result<KeyAge, RotationError> {
        let now = server_time(self.secrets.client()).await;
        let now = now.map_err(SecretError::from)?;
        let created = Timestamp::from_second(key.created).ok().filter(|time| time.as_second() > 0);
        let age = created.and_then(|created| KeyAge::between(created, now));
        age.ok_or(RotationError::InvalidKeyDate { created: key.created, now })
    }

    /// Inspects every secret. One that cannot be read counts as outdated.
    async fn outdated(&self, key: KeyVersions) -> Result<Option<RotationReason>, RotationError> {
        let report = RotationReport::new(RotationStart::Resumed, key, self.old_versions);
        self.report.replace(Some(report));
        let inspected = self.process_secrets(key.latest, RewrapMode::Inspect, 0).await;
        let report = self.report.take();
        inspected?;
        let outdated = report.map_or(0, |report| report.tally.outdated + report.tally.failed);
        Ok(Some(RotationReason::Outdated(outdated)).filter(|_| outdated > 0))
    }

    fn into_due_rotation(
        self,
        outcome: Result<Option<RotationReason>, RotationError>,
    ) -> DueRotation {
        let report = self.report.into_inner();
        match (outcome, report) {
            (Ok(Some(reason)), Some(report)) => DueRotation::Done(reason, report),
            (Ok(_), _) => DueRotation::NotDue,
            (Err(RotationError::LeaseHeld(holder)), _) => DueRotation::InProgress(holder),
            (Err(RotationError::Stopped), report) => DueRotation::Stopped(report),
            (Err(error), report) => DueRotation::Failed(error, report),
        }
    }
}

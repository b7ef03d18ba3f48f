use std::{cell::RefCell, pin::pin, time::Duration};

use futures_util::TryStreamExt;

use super::{
    OldVersions, RewrapMode, RotationError, RotationMonitor, RotationPass, RotationReason,
    RotationReport, RotationStart, exclusive::run_exclusively,
};
use crate::{
    secrets::{RotationStage, SecretError, StoredVersion},
    tenants::{KeyVersions, TenantName},
    vault::{RotationLease, SecretsClient, SessionSecrets, secrets::retry::with_retries},
};

/// A rotation in progress. Its report is filled step by step, so that it is available wherever the
/// rotation ends.
pub(super) struct TenantKeyRotation<'r, M> {
    pub(super) secrets: SessionSecrets<'r>,
    pub(super) tenant: &'r TenantName,
    pub(super) old_versions: OldVersions,
    pub(super) monitor: &'r M,
    pub(super) report: RefCell<Option<RotationReport>>,
}

/// Rotates the tenant's key under a lease, or resumes a rotation that was not finished. Waits at
/// most `max_wait` for the lease. Returns the report of what was done, also after an error; `None`
/// if nothing was done.
pub async fn rotate(
    secrets: SessionSecrets<'_>,
    tenant: &TenantName,
    old_versions: OldVersions,
    max_wait: Duration,
    monitor: &impl RotationMonitor,
) -> (Option<RotationReport>, Result<(), RotationError>) {
    let rotation = TenantKeyRotation::new(secrets, tenant, old_versions, monitor);
    let outcome = rotation.run(max_wait).await;
    (rotation.report.into_inner(), outcome)
}

/// Returns what [`rotate`] would do, and changes nothing.
pub async fn survey(
    secrets: SessionSecrets<'_>,
    tenant: &TenantName,
    old_versions: OldVersions,
    monitor: &impl RotationMonitor,
) -> (Option<RotationReport>, Result<(), RotationError>) {
    let rotation = TenantKeyRotation::new(secrets, tenant, old_versions, monitor);
    let outcome = rotation.run_survey().await;
    (rotation.report.into_inner(), outcome)
}

impl<'r, M: RotationMonitor> TenantKeyRotation<'r, M> {
    pub(super) fn new(
        secrets: SessionSecrets<'r>,
        tenant: &'r TenantName,
        old_versions: OldVersions,
        monitor: &'r M,
    ) -> Self {
        Self { secrets, tenant, old_versions, monitor, report: RefCell::new(None) }
    }

    async fn run(&self, max_wait: Duration) -> Result<(), RotationError> {
        self.check_mount().await?;
        let before = self.key().await?;
        let work = async |lease: &RotationLease| self.rotate(lease, before, None).await;
        run_exclusively(self.secrets, self.tenant, max_wait, self.monitor, work).await
    }

    async fn run_survey(&self) -> Result<(), RotationError> {
        self.check_mount().await?;
        self.survey(None).await
    }

    /// Carries out the rotation under the lease. `before` are the versions of the key before the
    /// lease was waited for, `reason` the reason why the rotation is due, if it has to be.
    pub(super) async fn rotate(
        &self,
        lease: &RotationLease,
        before: KeyVersions,
        reason: Option<RotationReason>,
    ) -> Result<(), RotationError> {
        let found = self.key().await?;
        let is_newer = found.latest > before.latest || lease.covers_rotation_at(found.created);
        let start = match stage(lease.stored_key_version(), found) {
            Some(RotationStage::Complete) if is_newer => RotationStart::Joined,
            stage => self.start(stage, found, reason),
        };
        self.check_min_encryption_version(found, start)?;
        let total = self.count_secrets().await?;
        let key = match start {
            RotationStart::NewVersion => {
                let rotate =
                    async |secrets: SecretsClient<'_>| secrets.rotate_key(self.tenant, lease).await;
                self.secrets.with(rotate).await?
            }
            RotationStart::Resumed | RotationStart::Joined => found,
        };
        self.report.replace(Some(RotationReport::new(start, key, self.old_versions)));
        self.record_stage(lease, key, RotationStage::Rewrapping).await?;
        self.wait_for_writes().await;
        let task = match self.old_versions {
            OldVersions::Keep => RewrapMode::Rewrap,
            OldVersions::Destroy => RewrapMode::RewrapAndDestroy(lease),
        };
        self.process_secrets(key.latest, task, total).await?;
        self.raise_min_decryption_version(lease, key).await?;
        if self.with_report(|report| report.tally.failed == 0) {
            self.record_stage(lease, key, RotationStage::Complete).await?;
        }
        Ok(())
    }

    pub(super) async fn survey(&self, reason: Option<RotationReason>) -> Result<(), RotationError> {
        let key = self.key().await?;
        let stored = self.stored_key_version().await?;
        let start = self.start(stage(stored, key), key, reason);
        self.check_min_encryption_version(key, start)?;
        let latest = key.latest + u64::from(start == RotationStart::NewVersion);
        let total = self.count_secrets().await?;
        let key = KeyVersions { latest, ..key };
        self.report.replace(Some(RotationReport::new(start, key, self.old_versions)));
        Ok(self.process_secrets(latest, RewrapMode::Inspect, total).await?)
    }

    /// Returns the start of the rotation. A rotation is resumed only if the key's latest version is
    /// known to be stored: Vault may have it in its memory only, and only another rotation that
    /// succeeds stores it. A rotation that is so old that the next is due is not resumed either: a
    /// secret that cannot be read would prevent it from ever being finished.
    fn start(
        &self,
        stage: Option<RotationStage>,
        key: KeyVersions,
        reason: Option<RotationReason>,
    ) -> RotationStart {
        let destroys = self.old_versions == OldVersions::Destroy && key.min_decryption < key.latest;
        match stage {
            _ if matches!(reason, Some(RotationReason::KeyAge(_))) => RotationStart::NewVersion,
            Some(RotationStage::Rewrapping) => RotationStart::Resumed,
            Some(RotationStage::Complete) if destroys => RotationStart::Resumed,
            Some(RotationStage::Complete) | None => RotationStart::NewVersion,
        }
    }

    /// Checks, before anything is destroyed, that Vault will accept a `min_decryption_version`
    /// above the present `min_encryption_version`.
    fn check_min_encryption_version(
        &self,
        key: KeyVersions,
        start: RotationStart,
    ) -> Result<(), RotationError> {
        let is_older = |version: u64| version < key.latest || start == RotationStart::NewVersion;
        match key.min_encryption.filter(|version| is_older(*version)) {
            Some(version) if self.old_versions == OldVersions::Destroy => {
                Err(RotationError::MinEncryptionVersion(version))
            }
            _ => Ok(()),
        }
    }

    /// Waits for the writes that began with the previous version of the key. Each is two calls,
    /// each of which is limited by the client's timeout.
    async fn wait_for_writes(&self) {
        let duration: Duration = 2 * self.secrets.client().timeout();
        self.monitor.waiting_for_writes(duration);
        tokio::time::sleep(duration).await;
    }

    pub(super) async fn process_secrets(
        &self,
        key_version: u64,
        task: RewrapMode<'_>,
        total: u64,
    ) -> Result<(), SecretError> {
        let pass = match task {
            RewrapMode::Inspect => RotationPass::Inspect,
            RewrapMode::Rewrap | RewrapMode::RewrapAndDestroy(_) => RotationPass::Rewrap,
        };
        let mut secret_done = self.monitor.pass_started(pass, total);
        let walk = self.secrets.with(async |secrets| {
            let mut standings = pin!(secrets.rewrap_all(self.tenant, key_version, task));
            while let Some((name, standing)) = standings.try_next().await? {
                let name = name.as_str();
                self.with_report(|report| match standing {
                    Ok(standing) => report.tally.add(name, &standing),
                    Err(error) => {
                        report.tally.add_failure(name, self.monitor.describe_failure(&error));
                    }
                });
                secret_done();
            }
            Ok(())
        });
        walk.await?;
        self.with_report(|report| report.complete = true);
        Ok(())
    }

    /// Raises `min_decryption_version` to the oldest version of the key that is still needed.
    async fn raise_min_decryption_version(
        &self,
        lease: &RotationLease,
        key: KeyVersions,
    ) -> Result<(), SecretError> {
        let needed = self.with_report(|report| report.tally.oldest_needed(key.latest));
        let allowed = key.min_encryption.unwrap_or(key.latest);
        let oldest = needed.map(|needed| needed.min(allowed));
        let Some(oldest) = oldest.filter(|oldest| *oldest > key.min_decryption) else {
            return Ok(());
        };
        let raised = self.secrets.with(async |secrets| {
            secrets.set_min_decryption_version(self.tenant, oldest, lease).await
        });
        raised.await?;
        self.with_report(|report| report.key.min_decryption = oldest);
        Ok(())
    }

    fn with_report<T: Default>(&self, change: impl FnOnce(&mut RotationReport) -> T) -> T {
        self.report.borrow_mut().as_mut().map(change).unwrap_or_default()
    }

    async fn record_stage(
        &self,
        lease: &RotationLease,
        key: KeyVersions,
        stage: RotationStage,
    ) -> Result<(), SecretError> {
        let stored = StoredVersion { version: key.latest, created: key.created, stage };
        self.secrets.with(async |secrets| lease.record_stage(&secrets, stored).await).await
    }

    async fn check_mount(&self) -> Result<(), SecretError> {
        let check = self
            .secrets
            .with(async |secrets| with_retries(async || secrets.check_kv_version().await).await);
        match check.await {
            // The mount is missing, or the token has no capability in it: the next call shows
            // which.
            Err(SecretError::PermissionDenied) => Ok(()),
            checked => checked,
        }
    }

    pub(super) async fn key(&self) -> Result<KeyVersions, SecretError> {
        let read = self.secrets.with(async |secrets| {
            with_retries(async || secrets.key_versions(self.tenant).await).await
        });
        read.await
    }

    pub(super) async fn stored_key_version(&self) -> Result<Option<StoredVersion>, SecretError> {
        self.secrets.with(async |secrets| secrets.stored_key_version(self.tenant).await).await
    }

    async fn count_secrets(&self) -> Result<u64, SecretError> {
        let count = self
            .secrets
            .with(async |secrets| with_retries(async || secrets.count(self.tenant).await).await);
        count.await
    }
}

/// Returns the stage of the rotation to the key's latest version; `None` unless that version is
/// known to be stored.
pub(super) fn stage(stored: Option<StoredVersion>, key: KeyVersions) -> Option<RotationStage> {
    let latest = (key.latest, key.created);
    stored.filter(|stored| (stored.version, stored.created) == latest).map(|stored| stored.stage)
}

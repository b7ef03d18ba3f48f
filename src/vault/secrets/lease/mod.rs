//! The lease on a tenant's rotation: a secret in the KV engine that no tenant may read or write. It
//! is acquired and renewed by compare-and-set, and ends by Vault's clock.

mod record;

use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::Mutex;

use self::record::{TTL, custom_metadata, lease_holder, stored_version};
use super::{SecretsClient, retry::with_retries};
use crate::{
    secrets::{LeaseHolder, SecretError, StoredVersion},
    tenants::TenantName,
    token::{Unavailable, UnavailableReason},
    vault::{api::kv::VersionMetadata, client::FailureKind},
};

/// The age up to which a confirmation is not repeated. An irreversible call that follows it ends
/// long before the lease could.
const CONFIRMATION_TTL: Duration = Duration::from_secs(1);

/// A lease on a tenant's rotation. No other process is granted one while it is held.
pub struct RotationLease {
    tenant: TenantName,
    holder: LeaseHolder,
    stored: Option<StoredVersion>,
    /// The time at which the previous holder was granted it, if this process waited for that.
    waited_since: Option<Timestamp>,
    state: Mutex<LeaseState>,
}

/// The outcome of a request for a lease.
pub enum LeaseAcquisition {
    /// The lease is held by this process.
    Acquired(RotationLease),
    /// Another process holds the lease.
    HeldBy(LeaseHolder),
}

struct LeaseState {
    /// The version of the lease's secret that this process wrote last.
    version: u64,
    /// A time at which the lease was certainly held.
    confirmed: Instant,
}

impl SecretsClient<'_> {
    /// Requests the lease on the tenant's rotation. It ends 30 seconds after it was granted or last
    /// renewed, by Vault's clock.
    ///
    /// # Errors
    /// [`SecretError`]. The lease may then be held until it ends; the same holder can acquire it
    /// again before that.
    pub async fn acquire_rotation_lease(
        &self,
        tenant: &TenantName,
        holder: &LeaseHolder,
    ) -> Result<LeaseAcquisition, SecretError> {
        with_retries(async || self.try_acquire(tenant, holder.clone()).await).await
    }

    async fn try_acquire(
        &self,
        tenant: &TenantName,
        mut holder: LeaseHolder,
    ) -> Result<LeaseAcquisition, SecretError> {
        let found = self.read_lease(tenant).await?;
        if let Some(present) = found.as_ref().and_then(lease_holder) {
            if present.id != holder.id {
                return Ok(LeaseAcquisition::HeldBy(present));
            }
            holder = present;
        }
        self.configure_lease(tenant, None).await?;
        let cas = match found {
            Some(found) => version_number(&found.metadata)?,
            None => 0,
        };
        let confirmed = Instant::now();
        let metadata = match self.write_lease(tenant, &holder, cas).await {
            Ok(metadata) => metadata,
            Err(error) if error.kind == FailureKind::VersionConflict => {
                let winner = self.read_lease(tenant).await?.as_ref().and_then(lease_holder);
                return Ok(LeaseAcquisition::HeldBy(winner.unwrap_or_else(LeaseHolder::unknown)));
            }
            Err(error) => return Err(error.into()),
        };
        if metadata.never_expires() {
            return Err(lease_without_end(&self.mounts.kv).into());
        }
        let version = version_number(&metadata)?;
        holder.since.get_or_insert(metadata.created_time);
        let stored = metadata.custom_metadata.as_ref().and_then(stored_version);
        let state = Mutex::new(LeaseState { version, confirmed });
        let tenant = tenant.clone();
        let lease = RotationLease { tenant, holder, stored, waited_since: None, state };
        Ok(LeaseAcquisition::Acquired(lease))
    }
}

impl RotationLease {
    /// The interval at which a held lease is to be renewed.
    pub const RENEWAL: Duration = Duration::from_secs(TTL.as_secs() / 3);

    /// Returns the version of the key that was known to be stored when the lease was granted.
    #[must_use]
    pub fn stored_key_version(&self) -> Option<StoredVersion> {
        self.stored
    }

    /// Records that this process has waited for another holder.
    #[must_use]
    pub fn with_previous_holder(self, holder: &LeaseHolder) -> Self {
        let waited_since = holder.since.as_ref().and_then(|since| since.parse().ok());
        Self { waited_since, ..self }
    }

    /// Returns true if a version of the key that was created at this time, in seconds since 1970,
    /// was created by a holder that this process has waited for.
    #[must_use]
    pub fn covers_rotation_at(&self, created: i64) -> bool {
        self.waited_since.is_some_and(|since| created >= since.as_second())
    }

    /// Confirms that the lease is held: to be called directly before each irreversible step. Renews
    /// the lease unless that was done within the last second.
    ///
    /// # Errors
    /// [`SecretError::LeaseLost`] if another process has, or had, the lease since.
    pub async fn confirm(&self, secrets: &SecretsClient<'_>) -> Result<(), SecretError> {
        let mut state = self.state.lock().await;
        if state.confirmed.elapsed() < CONFIRMATION_TTL {
            return Ok(());
        }
        with_retries(async || self.extend(secrets, &mut state).await).await
    }

    /// Renews the lease. A lease that has ended is renewed too, unless another process had it
    /// since.
    ///
    /// # Errors
    /// As [`RotationLease::confirm`].
    pub async fn renew(&self, secrets: &SecretsClient<'_>) -> Result<(), SecretError> {
        self.extend(secrets, &mut *self.state.lock().await).await
    }

    /// Records that a version of the key is stored, and the progress of the rotation to it.
    ///
    /// # Errors
    /// As [`RotationLease::confirm`].
    pub async fn record_stage(
        &self,
        secrets: &SecretsClient<'_>,
        stored: StoredVersion,
    ) -> Result<(), SecretError> {
        self.confirm(secrets).await?;
        let metadata = custom_metadata(stored);
        with_retries(async || secrets.configure_lease(&self.tenant, Some(&metadata)).await).await
    }

    /// Ends the lease.
    ///
    /// # Errors
    /// [`SecretError`]; the lease then ends by itself.
    pub async fn release(self, secrets: &SecretsClient<'_>) -> Result<(), SecretError> {
        let version = self.state.into_inner().version;
        secrets.end_lease(&self.tenant, version).await
    }

    async fn extend(
        &self,
        secrets: &SecretsClient<'_>,
        state: &mut LeaseState,
    ) -> Result<(), SecretError> {
        let confirmed = Instant::now();
        let metadata = match secrets.write_lease(&self.tenant, &self.holder, state.version).await {
            Ok(metadata) => metadata,
            // An earlier renewal may have been made, and its response lost.
            Err(error) if error.kind == FailureKind::VersionConflict => {
                let found = secrets.read_lease(&self.tenant).await?;
                let own = found.filter(|found| {
                    lease_holder(found).is_some_and(|present| present.id == self.holder.id)
                });
                own.ok_or(SecretError::LeaseLost)?.metadata
            }
            Err(error) => return Err(error.into()),
        };
        state.version = version_number(&metadata)?;
        state.confirmed = confirmed;
        Ok(())
    }
}

fn version_number(metadata: &VersionMetadata) -> Result<u64, SecretError> {
    Ok(metadata.version()?.number())
}

fn lease_without_end(mount: &str) -> Unavailable {
    let detail = format!(
        "vault: versions in {mount}/ never expire, so that a rotation lease would not end: \
         delete_version_after of the mount is negative; `bao write {mount}/config \
         delete_version_after=0s` resets it"
    );
    Unavailable::new(UnavailableReason::NoValidResponse, detail)
}

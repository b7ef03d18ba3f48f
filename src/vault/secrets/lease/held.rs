use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::Mutex;

use super::{Found, TTL, custom_metadata, stored_version};
use crate::{
    secrets::SecretError,
    tenants::{LeaseHolder, StoredVersion, TenantName},
    token::{Cause, Unavailable},
    vault::{
        error::Failure,
        secrets::{Secrets, retry::patiently},
    },
};

/// The age up to which a confirmation is not asked for again. An irreversible call that follows it
/// is over long before the lease could have ended.
const FRESH: Duration = Duration::from_secs(1);

/// A lease on a tenant's rotation. While one is held no other process is granted one.
pub struct RotationLease {
    tenant: TenantName,
    holder: LeaseHolder,
    stored: Option<StoredVersion>,
    /// When the holder before was granted it, if this process waited for that.
    waited_since: Option<Timestamp>,
    state: Mutex<State>,
}

/// The outcome of asking for a lease.
pub enum Acquisition {
    /// It is held from now on.
    Acquired(RotationLease),
    /// Another process holds it.
    HeldBy(LeaseHolder),
}

struct State {
    /// The version of the lease's secret that this process wrote last.
    version: u64,
    /// A moment at which the lease was certainly held.
    confirmed: Instant,
}

impl Secrets<'_> {
    /// Asks for the lease on the tenant's rotation. It ends 30 seconds after it was granted or last
    /// renewed, by Vault's clock.
    ///
    /// # Errors
    /// [`SecretError`]. The lease may then be held, until it ends; the same holder is granted it
    /// again before that.
    pub async fn acquire_rotation_lease(
        &self,
        tenant: &TenantName,
        holder: &LeaseHolder,
    ) -> Result<Acquisition, SecretError> {
        patiently(async || self.try_to_acquire(tenant, holder.clone()).await).await
    }

    async fn try_to_acquire(
        &self,
        tenant: &TenantName,
        mut holder: LeaseHolder,
    ) -> Result<Acquisition, SecretError> {
        let found = self.find_lease(tenant).await?;
        if let Some(present) = found.as_ref().and_then(Found::holder) {
            if present.id != holder.id {
                return Ok(Acquisition::HeldBy(present));
            }
            holder = present;
        }
        self.configure_lease(tenant, None).await?;
        let cas = found.map_or(0, |found| found.metadata.version);
        let confirmed = Instant::now();
        let metadata = match self.put_lease(tenant, &holder, cas).await {
            Ok(metadata) => metadata,
            Err(error) if error.failure == Failure::Conflict => {
                let winner = self.find_lease(tenant).await?.as_ref().and_then(Found::holder);
                return Ok(Acquisition::HeldBy(winner.unwrap_or_else(LeaseHolder::unknown)));
            }
            Err(error) => return Err(error.into()),
        };
        if metadata.deletion_time.is_empty() {
            return Err(never_ends(&self.mounts.kv).into());
        }
        holder.since.get_or_insert(metadata.created_time);
        let stored = metadata.custom_metadata.as_ref().and_then(stored_version);
        let state = Mutex::new(State { version: metadata.version, confirmed });
        let tenant = tenant.clone();
        let lease = RotationLease { tenant, holder, stored, waited_since: None, state };
        Ok(Acquisition::Acquired(lease))
    }
}

impl RotationLease {
    /// The interval at which a lease is to be renewed while it is held.
    pub const RENEWAL: Duration = Duration::from_secs(TTL.as_secs() / 3);

    /// Returns the version of the key that was known to be stored when the lease was granted.
    #[must_use]
    pub fn stored(&self) -> Option<StoredVersion> {
        self.stored
    }

    /// Notes that this process has waited for another holder.
    #[must_use]
    pub fn after(self, holder: &LeaseHolder) -> Self {
        let waited_since = holder.since.as_ref().and_then(|since| since.parse().ok());
        Self { waited_since, ..self }
    }

    /// Returns true if a version of the key was made at this time, in seconds since 1970, by a holder
    /// that this process has waited for.
    #[must_use]
    pub fn has_waited_for(&self, created: i64) -> bool {
        self.waited_since.is_some_and(|since| created >= since.as_second())
    }

    /// Makes sure that the lease is held: to be called directly before each step that cannot be
    /// undone. Asks Vault unless that was done within the last second.
    ///
    /// # Errors
    /// [`SecretError::LeaseLost`] if another process has, or had, the lease since.
    pub async fn confirm(&self, secrets: &Secrets<'_>) -> Result<(), SecretError> {
        let mut state = self.state.lock().await;
        if state.confirmed.elapsed() < FRESH {
            return Ok(());
        }
        patiently(async || self.extend(secrets, &mut state).await).await
    }

    /// Renews the lease. One that has ended is renewed too, if nobody had it since.
    ///
    /// # Errors
    /// As [`RotationLease::confirm`].
    pub async fn renew(&self, secrets: &Secrets<'_>) -> Result<(), SecretError> {
        self.extend(secrets, &mut *self.state.lock().await).await
    }

    /// Notes that a version of the key is stored, and how far the secrets have followed.
    ///
    /// # Errors
    /// As [`RotationLease::confirm`].
    pub async fn record(
        &self,
        secrets: &Secrets<'_>,
        stored: StoredVersion,
    ) -> Result<(), SecretError> {
        self.confirm(secrets).await?;
        let noted = || Some(custom_metadata(stored));
        patiently(async || secrets.configure_lease(&self.tenant, noted()).await).await
    }

    /// Gives the lease back.
    ///
    /// # Errors
    /// [`SecretError`]; the lease then ends by itself.
    pub async fn release(self, secrets: &Secrets<'_>) -> Result<(), SecretError> {
        let version = self.state.into_inner().version;
        secrets.end_lease(&self.tenant, version).await
    }

    async fn extend(&self, secrets: &Secrets<'_>, state: &mut State) -> Result<(), SecretError> {
        let confirmed = Instant::now();
        state.version = match secrets.put_lease(&self.tenant, &self.holder, state.version).await {
            Ok(metadata) => metadata.version,
            // An earlier renewal may have been done, and its answer lost.
            Err(error) if error.failure == Failure::Conflict => {
                let found = secrets.find_lease(&self.tenant).await?;
                let own = found.filter(|found| {
                    found.holder().is_some_and(|present| present.id == self.holder.id)
                });
                own.ok_or(SecretError::LeaseLost)?.metadata.version
            }
            Err(error) => return Err(error.into()),
        };
        state.confirmed = confirmed;
        Ok(())
    }
}

fn never_ends(mount: &str) -> Unavailable {
    let detail = format!(
        "vault: what is written to {mount}/ never ends, and neither would the lease on a rotation: \
         delete_version_after of the mount is negative; `bao write {mount}/config \
         delete_version_after=0s` puts it back"
    );
    Unavailable::new(Cause::Vault, detail)
}

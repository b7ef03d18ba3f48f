//! The lease on a tenant's rotation: a secret of its own in the KV engine, outside of what a tenant
//! may read or write. It is taken and renewed by compare-and-set, and it ends by Vault's clock.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::Mutex;

use super::retry::patiently;
use crate::{
    secrets::SecretError,
    tenants::{LeaseHolder, Stage, StoredVersion, TenantName},
    token::{Cause, Unavailable},
    vault::{
        client::Operation,
        error::{Failure, VaultError},
        secrets::{Call, Secrets},
    },
};

/// The time after which a lease ends that nobody renews.
const TTL: Duration = Duration::from_secs(30);

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

#[derive(Deserialize)]
struct Found {
    data: Option<Value>,
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Metadata {
    version: u64,
    created_time: String,
    deletion_time: String,
    custom_metadata: Option<BTreeMap<String, String>>,
}

#[derive(Serialize)]
struct Write<'h> {
    options: Options,
    data: &'h LeaseHolder,
}

#[derive(Serialize)]
struct Options {
    cas: u64,
}

#[derive(Serialize)]
struct Settings {
    max_versions: u64,
    delete_version_after: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    custom_metadata: Option<BTreeMap<&'static str, String>>,
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

    /// Returns the version of the tenant's key that a rotation is known to have stored.
    ///
    /// # Errors
    /// [`SecretError`].
    pub async fn stored_key_version(
        &self,
        tenant: &TenantName,
    ) -> Result<Option<StoredVersion>, SecretError> {
        let found = patiently(async || self.find_lease(tenant).await).await?;
        Ok(found.and_then(|found| stored_version(&found.metadata.custom_metadata?)))
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

    async fn find_lease(&self, tenant: &TenantName) -> Result<Option<Found>, SecretError> {
        let call = Call::get(self.lease("data", tenant));
        match self.client.data_or_remains(Operation::SecretRead, self.token, &call).await {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.failure == Failure::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn put_lease(
        &self,
        tenant: &TenantName,
        holder: &LeaseHolder,
        cas: u64,
    ) -> Result<Metadata, VaultError> {
        let body = Write { options: Options { cas }, data: holder };
        let call = Call::post(self.lease("data", tenant), &body);
        self.client.data(Operation::SecretWrite, self.token, &call).await
    }

    async fn configure_lease(
        &self,
        tenant: &TenantName,
        custom_metadata: Option<BTreeMap<&'static str, String>>,
    ) -> Result<(), SecretError> {
        let delete_version_after = format!("{}s", TTL.as_secs());
        let settings = Settings { max_versions: 2, delete_version_after, custom_metadata };
        let call = Call::post(self.lease("metadata", tenant), &settings);
        Ok(self.client.done(Operation::SecretMetadata, self.token, &call).await?)
    }

    fn lease(&self, kind: &str, tenant: &TenantName) -> String {
        format!("{}/{kind}/rotation/{tenant}", self.mounts.kv)
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
        let body = serde_json::json!({ "versions": [version] });
        let call = Call::post(secrets.lease("delete", &self.tenant), &body);
        Ok(secrets.client.done(Operation::SecretDelete, secrets.token, &call).await?)
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

impl Found {
    /// The holder, while the lease has not ended. Something else that was written in its place holds
    /// it as well, without a name.
    fn holder(&self) -> Option<LeaseHolder> {
        let data = self.data.as_ref()?;
        let mut holder = LeaseHolder::deserialize(data).unwrap_or_else(|_| LeaseHolder::unknown());
        holder.since.get_or_insert_with(|| self.metadata.created_time.clone());
        Some(holder)
    }
}

fn custom_metadata(stored: StoredVersion) -> BTreeMap<&'static str, String> {
    let stage = match stored.stage {
        Stage::Rewrapping => "rewrapping",
        Stage::Finished => "finished",
    };
    BTreeMap::from([
        ("stored_version", stored.version.to_string()),
        ("created", stored.created.to_string()),
        ("stage", stage.to_owned()),
    ])
}

/// The reverse; `None` if anything in it is missing or not as it was written.
fn stored_version(metadata: &BTreeMap<String, String>) -> Option<StoredVersion> {
    let stage = match metadata.get("stage")?.as_str() {
        "rewrapping" => Stage::Rewrapping,
        "finished" => Stage::Finished,
        _ => return None,
    };
    let version = metadata.get("stored_version")?.parse().ok()?;
    Some(StoredVersion { version, created: metadata.get("created")?.parse().ok()?, stage })
}

fn never_ends(mount: &str) -> Unavailable {
    let detail = format!(
        "vault: what is written to {mount}/ never ends, and neither would the lease on a rotation: \
         delete_version_after of the mount is negative; `bao write {mount}/config \
         delete_version_after=0s` puts it back"
    );
    Unavailable::new(Cause::Vault, detail)
}

//! One rotation of one tenant's key.

mod condition;

use std::{cell::RefCell, fmt, pin::pin, time::Duration};

use futures_util::TryStreamExt;
use jiff::Timestamp;

use self::condition::Reason;
pub(super) use self::condition::{Outcome, rotate_if_due, survey_if_due};
use super::{
    lease::{LeaseError, WaitArgs, exclusively},
    rotation_report::{Beginning, Report},
    shred::count,
};
use crate::{
    cli::{
        output::note,
        progress::Progress,
        store::{Store, remedy},
    },
    secrets::SecretError,
    tenants::{KeyVersions, Stage, StoredVersion, TenantName},
    vault::{RotationLease, Secrets, Task, patiently},
};

/// What becomes of versions of secrets that need an older version of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OldVersions {
    /// They stay readable.
    Keep,
    /// They are destroyed for good.
    Destroy,
}

/// The reasons why a rotation was not carried out to its end.
enum RotationError {
    Lease(LeaseError),
    Secret(SecretError),
    /// The key may encrypt with this older version, and Vault would refuse to let it decrypt no more.
    MinEncryption(u64),
    /// The date of the key's latest version, in seconds since 1970, is none that Vault can have
    /// given it by its clock.
    Undated {
        created: i64,
        now: Timestamp,
    },
}

/// A rotation under way. Its report grows, so that it is there wherever the rotation ends.
struct Rotation<'s> {
    store: &'s Store,
    tenant: &'s TenantName,
    old_versions: OldVersions,
    report: RefCell<Option<Report>>,
}

/// Rotates the tenant's key under a lease, or goes on with a rotation that was not finished. Returns
/// what was done, also after an error; `None` if that is nothing.
pub(super) async fn rotate(
    store: &Store,
    tenant: &TenantName,
    old_versions: OldVersions,
    wait: WaitArgs,
) -> (Option<Report>, Result<(), String>) {
    let rotation = Rotation::new(store, tenant, old_versions);
    let outcome = rotation.run(wait).await;
    (rotation.report.into_inner(), outcome.map_err(|error| error.message(tenant, old_versions)))
}

/// Does nothing, and returns what [`rotate`] would do.
pub(super) async fn survey(
    store: &Store,
    tenant: &TenantName,
    old_versions: OldVersions,
) -> (Option<Report>, Result<(), String>) {
    let rotation = Rotation::new(store, tenant, old_versions);
    let outcome = rotation.run_survey().await;
    (rotation.report.into_inner(), outcome.map_err(|error| error.message(tenant, old_versions)))
}

impl<'s> Rotation<'s> {
    fn new(store: &'s Store, tenant: &'s TenantName, old_versions: OldVersions) -> Self {
        Self { store, tenant, old_versions, report: RefCell::new(None) }
    }

    async fn run(&self, wait: WaitArgs) -> Result<(), RotationError> {
        self.check_mount().await?;
        let before = self.key().await?;
        let work = async |lease: &RotationLease| self.work(lease, before, None).await;
        let worked = exclusively(self.store, self.tenant, wait, work).await;
        worked.map_err(RotationError::Lease)?
    }

    async fn run_survey(&self) -> Result<(), RotationError> {
        self.check_mount().await?;
        self.survey(None).await
    }

    /// Does it all, with the versions of the key before the lease was waited for, and the reason
    /// why it is due, if it has to be.
    async fn work(
        &self,
        lease: &RotationLease,
        before: KeyVersions,
        reason: Option<Reason>,
    ) -> Result<(), RotationError> {
        let found = self.key().await?;
        let is_newer = found.latest > before.latest || lease.has_waited_for(found.created);
        let beginning = match stage(lease.stored(), found) {
            Some(Stage::Finished) if is_newer => Beginning::Joined,
            stage => self.beginning(stage, found, reason),
        };
        self.check_min_encryption(found, beginning)?;
        let total = self.count().await?;
        let key = match beginning {
            Beginning::Rotated => {
                let store = self.store;
                store.with(async |secrets| secrets.rotate_key(self.tenant, lease).await).await?
            }
            Beginning::WentOn | Beginning::Joined => found,
        };
        self.report.replace(Some(Report::new(beginning, key, self.old_versions)));
        self.record(lease, key, Stage::Rewrapping).await?;
        settle(self.store).await;
        let task = match self.old_versions {
            OldVersions::Keep => Task::Rewrap,
            OldVersions::Destroy => Task::RewrapAndDestroy(lease),
        };
        self.go_through(key.latest, task, total).await?;
        self.retire(lease, key).await?;
        if self.with_report(|report| report.tally.failed == 0) {
            self.record(lease, key, Stage::Finished).await?;
        }
        Ok(())
    }

    async fn survey(&self, reason: Option<Reason>) -> Result<(), RotationError> {
        let store = self.store;
        let key = self.key().await?;
        let stored = store.with(async |secrets| secrets.stored_key_version(self.tenant).await);
        let beginning = self.beginning(stage(stored.await?, key), key, reason);
        self.check_min_encryption(key, beginning)?;
        let latest = key.latest + u64::from(beginning == Beginning::Rotated);
        let total = self.count().await?;
        self.report.replace(Some(Report::new(
            beginning,
            KeyVersions { latest, ..key },
            self.old_versions,
        )));
        Ok(self.go_through(latest, Task::Survey, total).await?)
    }

    /// Nothing is gone on with unless the key's latest version is known to be stored: Vault may have
    /// it in its memory alone, and only another rotation that succeeds stores it. Nor is one that
    /// began so long ago that the next is due: a secret that cannot be read lets none be finished.
    fn beginning(
        &self,
        stage: Option<Stage>,
        key: KeyVersions,
        reason: Option<Reason>,
    ) -> Beginning {
        let retiring = self.old_versions == OldVersions::Destroy && key.oldest < key.latest;
        match stage {
            _ if matches!(reason, Some(Reason::Old(_))) => Beginning::Rotated,
            Some(Stage::Rewrapping) => Beginning::WentOn,
            Some(Stage::Finished) if retiring => Beginning::WentOn,
            Some(Stage::Finished) | None => Beginning::Rotated,
        }
    }

    /// Before anything is destroyed: Vault refuses to raise `min_decryption_version` above this.
    fn check_min_encryption(
        &self,
        key: KeyVersions,
        beginning: Beginning,
    ) -> Result<(), RotationError> {
        let stays = |version: u64| version < key.latest || beginning == Beginning::Rotated;
        match key.min_encryption.filter(|version| stays(*version)) {
            Some(version) if self.old_versions == OldVersions::Destroy => {
                Err(RotationError::MinEncryption(version))
            }
            _ => Ok(()),
        }
    }

    async fn go_through(
        &self,
        key_version: u64,
        task: Task<'_>,
        total: u64,
    ) -> Result<(), SecretError> {
        let what = match task {
            Task::Survey => "looking at secrets",
            Task::Rewrap | Task::RewrapAndDestroy(_) => "encrypting anew",
        };
        let mut progress = Progress::new(what, total);
        let walk = self.store.with(async |secrets| {
            let mut standings = pin!(secrets.bring_to(self.tenant, key_version, task));
            while let Some((name, standing)) = standings.try_next().await? {
                let name = name.as_str();
                self.with_report(|report| match standing {
                    Ok(standing) => report.tally.add(name, &standing),
                    Err(error) => {
                        let remedy = remedy(&error, self.tenant);
                        report.tally.fail(name, format!("{error}{remedy}"));
                    }
                });
                progress.step();
            }
            Ok(())
        });
        walk.await?;
        self.with_report(|report| report.complete = true);
        Ok(())
    }

    /// Lets no version of the key decrypt any more that nothing needs.
    async fn retire(&self, lease: &RotationLease, key: KeyVersions) -> Result<(), SecretError> {
        let needed = self.with_report(|report| report.tally.oldest_needed(key.latest));
        let allowed = key.min_encryption.unwrap_or(key.latest);
        let oldest = needed.map(|needed| needed.min(allowed));
        let Some(oldest) = oldest.filter(|oldest| *oldest > key.oldest) else { return Ok(()) };
        let retired = self
            .store
            .with(async |secrets| secrets.retire_key_before(self.tenant, oldest, lease).await);
        retired.await?;
        self.with_report(|report| report.key.oldest = oldest);
        Ok(())
    }

    fn with_report<T: Default>(&self, change: impl FnOnce(&mut Report) -> T) -> T {
        self.report.borrow_mut().as_mut().map(change).unwrap_or_default()
    }

    async fn record(
        &self,
        lease: &RotationLease,
        key: KeyVersions,
        stage: Stage,
    ) -> Result<(), SecretError> {
        let stored = StoredVersion { version: key.latest, created: key.created, stage };
        self.store.with(async |secrets| lease.record(&secrets, stored).await).await
    }

    async fn check_mount(&self) -> Result<(), SecretError> {
        let ask = async |secrets: Secrets<'_>| secrets.check_mount().await;
        match self.store.with(async |secrets| patiently(async || ask(secrets).await).await).await {
            // There is none, or the token may do nothing in it: the next call there says which.
            Err(SecretError::Denied) => Ok(()),
            checked => checked,
        }
    }

    async fn key(&self) -> Result<KeyVersions, SecretError> {
        let ask = async |secrets: Secrets<'_>| secrets.key(self.tenant).await;
        self.store.with(async |secrets| patiently(async || ask(secrets).await).await).await
    }

    async fn count(&self) -> Result<u64, SecretError> {
        let ask = async |secrets: Secrets<'_>| count(secrets, self.tenant).await;
        self.store.with(async |secrets| patiently(async || ask(secrets).await).await).await
    }
}

/// How far the rotation to the key's latest version has come; `None` unless that is known to be stored.
fn stage(stored: Option<StoredVersion>, key: KeyVersions) -> Option<Stage> {
    let latest = (key.latest, key.created);
    stored.filter(|stored| (stored.version, stored.created) == latest).map(|stored| stored.stage)
}

impl RotationError {
    /// What went wrong, and what to do about it.
    fn message(&self, tenant: &TenantName, old_versions: OldVersions) -> String {
        let remedy = match self {
            Self::Secret(error) | Self::Lease(LeaseError::Failed(error)) => match error {
                SecretError::Denied if old_versions == OldVersions::Destroy => {
                    "; it needs what policies/key-rotator.hcl and policies/version-destroyer.hcl \
                     grant, which `policies apply` loads"
                        .to_owned()
                }
                SecretError::Denied => {
                    "; it needs what policies/key-rotator.hcl grants, which `policies apply` loads"
                        .to_owned()
                }
                SecretError::Unavailable(_) | SecretError::LeaseLost => {
                    ". Run it again to go on".to_owned()
                }
                error => remedy(error, tenant),
            },
            Self::MinEncryption(_) => format!(
                ". Set min_encryption_version of the transit key tenant-{tenant} to 0, and run this \
                 again"
            ),
            Self::Lease(_) | Self::Undated { .. } => String::new(),
        };
        format!("{tenant}: {self}{remedy}")
    }
}

impl fmt::Display for RotationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lease(error) => error.fmt(f),
            Self::Secret(error) => error.fmt(f),
            Self::MinEncryption(version) => write!(
                f,
                "min_encryption_version of its key is {version}, and Vault lets no newer version be \
                 the oldest that decrypts; nothing was done"
            ),
            Self::Undated { created, now } => {
                let created = Timestamp::from_second(*created)
                    .map_or_else(|_| format!("second {created}"), |created| created.to_string());
                write!(
                    f,
                    "its key is dated {created}, and it is {now} by Vault's clock, so that its age is \
                     not known. Set the clocks of Vault's nodes right, and run `tenants rotate` for it \
                     by name"
                )
            }
        }
    }
}

impl From<SecretError> for RotationError {
    fn from(error: SecretError) -> Self {
        Self::Secret(error)
    }
}

/// Lets writes come to their end that began with the older version of the key. Each is two calls,
/// none of which takes longer than a call may.
async fn settle(store: &Store) {
    let pause: Duration = 2 * store.operator.session.client().timeout();
    note(&format!("waiting {pause:?} for writes that began before\n"));
    tokio::time::sleep(pause).await;
}

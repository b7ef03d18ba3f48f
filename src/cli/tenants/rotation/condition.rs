//! A rotation that is carried out only if it is due.

use std::fmt;

use jiff::Timestamp;

use super::{Report, Rotation, RotationError, stage};
use crate::{
    cli::{
        output::counted,
        stop::stopped,
        store::Store,
        tenants::{
            lease::{LeaseError, WaitArgs, exclusively},
            rotation::OldVersions,
            rotation_report::Beginning,
        },
    },
    secrets::SecretError,
    tenants::{
        Age, Due, KeyVersions, LeaseHolder, RotationInterval, Stage, StoredVersion, TenantName,
    },
    vault::{RotationLease, Task, server_time},
};

/// The reason why a rotation is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli::tenants) enum Reason {
    /// The key is as old as its interval, or older.
    Old(Age),
    /// An earlier rotation was not finished.
    Unfinished,
    /// So many secrets are encrypted with an older version than the latest, which another than
    /// `tenants rotate` has made, or cannot be read.
    Behind(u64),
}

/// What became of a rotation that was asked for if it is due.
pub(in crate::cli::tenants) enum Outcome {
    NotDue,
    /// It was due, and this was, or would be, done.
    Done(Reason, Report),
    /// Another process is rotating the key.
    InProgress(LeaseHolder),
    /// It was not carried out to its end; with what was done.
    Failed(String, Option<Report>),
    /// SIGINT or SIGTERM ended it; with what was done.
    Stopped(Option<Report>),
}

/// Rotates the tenant's key if that is due, also once the lease on the rotation is held: two at once
/// do not rotate it twice.
pub(in crate::cli::tenants) async fn rotate_if_due(
    store: &Store,
    tenant: &TenantName,
    interval: RotationInterval,
) -> Outcome {
    let rotation = Rotation::new(store, tenant, OldVersions::Keep);
    let outcome = tokio::select! {
        outcome = rotation.due_by_itself(interval) => outcome,
        () = stopped() => Err(RotationError::Lease(LeaseError::Stopped)),
    };
    let outcome = match outcome {
        Ok(Some(_)) => rotation.run_if_due(interval).await,
        not_due => not_due,
    };
    rotation.into_outcome(outcome)
}

/// Does nothing, and returns what [`rotate_if_due`] would do.
pub(in crate::cli::tenants) async fn survey_if_due(
    store: &Store,
    tenant: &TenantName,
    interval: RotationInterval,
) -> Outcome {
    let rotation = Rotation::new(store, tenant, OldVersions::Keep);
    let outcome = match rotation.due_by_itself(interval).await {
        Ok(Some(reason)) => rotation.survey(Some(reason)).await.map(|()| Some(reason)),
        not_due => not_due,
    };
    rotation.into_outcome(outcome)
}

impl Rotation<'_> {
    async fn run_if_due(
        &self,
        interval: RotationInterval,
    ) -> Result<Option<Reason>, RotationError> {
        let work = async |lease: &RotationLease| {
            let key = self.key().await?;
            let reason = self.reason(key, lease.stored(), interval).await?;
            if reason.is_some() {
                self.work(lease, key, reason).await?;
            }
            Ok(reason)
        };
        let worked = exclusively(self.store, self.tenant, WaitArgs::NONE, work).await;
        worked.map_err(RotationError::Lease)?
    }

    /// The reason why it is due, by what Vault says while others may rotate the key.
    async fn due_by_itself(
        &self,
        interval: RotationInterval,
    ) -> Result<Option<Reason>, RotationError> {
        let key = self.key().await?;
        let stored = self.store.with(async |secrets| secrets.stored_key_version(self.tenant).await);
        self.reason(key, stored.await?, interval).await
    }

    async fn reason(
        &self,
        key: KeyVersions,
        stored: Option<StoredVersion>,
        interval: RotationInterval,
    ) -> Result<Option<Reason>, RotationError> {
        let stage = stage(stored, key);
        let age = match self.age(key).await {
            Err(_) if stage == Some(Stage::Rewrapping) => return Ok(Some(Reason::Unfinished)),
            age => age?,
        };
        match (interval.compare(Some(age)), stage) {
            (Due::Due | Due::Overdue | Due::Unknown, _) => Ok(Some(Reason::Old(age))),
            (Due::NotYet, Some(Stage::Rewrapping)) => Ok(Some(Reason::Unfinished)),
            (Due::NotYet, Some(Stage::Finished)) => Ok(None),
            // There is no older version.
            (Due::NotYet, _) if key.latest == 1 => Ok(None),
            (Due::NotYet, _) => self.behind(key).await,
        }
    }

    /// The age of the key by Vault's clock at this moment.
    async fn age(&self, key: KeyVersions) -> Result<Age, RotationError> {
        let now = server_time(self.store.operator.session.client()).await;
        let now = now.map_err(SecretError::from)?;
        let created = Timestamp::from_second(key.created).ok().filter(|time| time.as_second() > 0);
        let age = created.and_then(|created| Age::between(created, now));
        age.ok_or(RotationError::Undated { created: key.created, now })
    }

    /// Looks at every secret. One that cannot be read may be behind as well.
    async fn behind(&self, key: KeyVersions) -> Result<Option<Reason>, RotationError> {
        self.report.replace(Some(Report::new(Beginning::WentOn, key, self.old_versions)));
        let surveyed = self.go_through(key.latest, Task::Survey, 0).await;
        let report = self.report.take();
        surveyed?;
        let behind = report.map_or(0, |report| report.tally.behind + report.tally.failed);
        Ok(Some(Reason::Behind(behind)).filter(|_| behind > 0))
    }

    fn into_outcome(self, outcome: Result<Option<Reason>, RotationError>) -> Outcome {
        let report = self.report.into_inner();
        match (outcome, report) {
            (Ok(Some(reason)), Some(report)) => Outcome::Done(reason, report),
            (Ok(_), _) => Outcome::NotDue,
            (Err(RotationError::Lease(LeaseError::Held(holder))), _) => Outcome::InProgress(holder),
            (Err(RotationError::Lease(LeaseError::Stopped)), report) => Outcome::Stopped(report),
            (Err(error), report) => {
                Outcome::Failed(error.message(self.tenant, self.old_versions), report)
            }
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Old(age) => write!(f, "the key is {age} old"),
            Self::Unfinished => f.write_str("a rotation was not finished"),
            Self::Behind(secrets) => {
                let secrets = counted(*secrets, "secret");
                write!(f, "Vault or somebody else has rotated the key, and not {secrets}")
            }
        }
    }
}

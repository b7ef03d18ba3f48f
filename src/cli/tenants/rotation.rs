//! The messages of a rotation.

use std::time::Duration;

use crate::{
    cli::{
        output::{pluralize, print_status},
        progress::ProgressBar,
        secret_client::{SecretClient, secret_error_hint},
        signals::shutdown_signal,
    },
    secrets::{LeaseHolder, SecretError},
    tenants::{RotationInterval, TenantName},
    vault::rotation::{
        self, DueRotation, OldVersions, RotationError, RotationMonitor, RotationPass,
        RotationReason, RotationReport,
    },
};

/// The outcome of a rotation that is carried out only if it is due, with messages for people.
pub(super) enum RotationOutcome {
    NotDue,
    /// It was due for this reason, and was carried out, or would be.
    Done(String, RotationReport),
    /// Another process is rotating the key.
    InProgress(LeaseHolder),
    /// It failed, with what was done until then.
    Failed(String, Option<RotationReport>),
    /// SIGINT or SIGTERM stopped it, with what was done until then.
    Stopped(Option<RotationReport>),
}

/// Prints the progress of a rotation, and stops it at SIGINT or SIGTERM.
struct Console<'t> {
    tenant: &'t TenantName,
}

impl RotationMonitor for Console<'_> {
    fn stopped(&self) -> impl Future<Output = ()> {
        shutdown_signal()
    }

    fn waiting_for_lease(&self, holder: &LeaseHolder, max_wait: Duration) {
        let (tenant, max_wait) = (self.tenant, humantime::format_duration(max_wait));
        print_status(&format!("{tenant} is being rotated by {holder}: waiting up to {max_wait}\n"));
    }

    fn waiting_for_writes(&self, duration: Duration) {
        print_status(&format!("waiting {duration:?} for writes with the previous key version\n"));
    }

    fn pass_started(&self, pass: RotationPass, total: u64) -> impl FnMut() {
        let label = match pass {
            RotationPass::Inspect => "inspecting secrets",
            RotationPass::Rewrap => "rewrapping secrets",
        };
        let mut progress = ProgressBar::new(label, total);
        move || progress.increment()
    }

    fn describe_failure(&self, error: &SecretError) -> String {
        format!("{error}{}", secret_error_hint(error, self.tenant))
    }
}

/// Rotates the tenant's key, or resumes a rotation that was not finished. Returns the report of
/// what was done, also after an error; `None` if nothing was done.
pub(super) async fn rotate(
    store: &SecretClient,
    tenant: &TenantName,
    old_versions: OldVersions,
    max_wait: Duration,
) -> (Option<RotationReport>, Result<(), String>) {
    let console = Console { tenant };
    let (report, outcome) =
        rotation::rotate(store.secrets(), tenant, old_versions, max_wait, &console).await;
    (report, outcome.map_err(|error| message(&error, tenant, old_versions)))
}

/// Returns what [`rotate`] would do, and changes nothing.
pub(super) async fn survey(
    store: &SecretClient,
    tenant: &TenantName,
    old_versions: OldVersions,
) -> (Option<RotationReport>, Result<(), String>) {
    let console = Console { tenant };
    let (report, outcome) = rotation::survey(store.secrets(), tenant, old_versions, &console).await;
    (report, outcome.map_err(|error| message(&error, tenant, old_versions)))
}

/// Rotates the tenant's key if that is due.
pub(super) async fn rotate_if_due(
    store: &SecretClient,
    tenant: &TenantName,
    interval: RotationInterval,
) -> RotationOutcome {
    let console = Console { tenant };
    let due = rotation::rotate_if_due(store.secrets(), tenant, interval, &console).await;
    RotationOutcome::new(due, tenant)
}

/// Returns what [`rotate_if_due`] would do, and changes nothing.
pub(super) async fn survey_if_due(
    store: &SecretClient,
    tenant: &TenantName,
    interval: RotationInterval,
) -> RotationOutcome {
    let console = Console { tenant };
    let due = rotation::survey_if_due(store.secrets(), tenant, interval, &console).await;
    RotationOutcome::new(due, tenant)
}

impl RotationOutcome {
    fn new(due: DueRotation, tenant: &TenantName) -> Self {
        match due {
            DueRotation::NotDue => Self::NotDue,
            DueRotation::Done(reason, report) => Self::Done(words(reason), report),
            DueRotation::InProgress(holder) => Self::InProgress(holder),
            DueRotation::Stopped(report) => Self::Stopped(report),
            DueRotation::Failed(error, report) => {
                Self::Failed(message(&error, tenant, OldVersions::Keep), report)
            }
        }
    }
}

fn words(reason: RotationReason) -> String {
    match reason {
        RotationReason::KeyAge(age) => format!("the key is {age} old"),
        RotationReason::Unfinished => "a rotation was not finished".to_owned(),
        RotationReason::Outdated(secrets) => {
            let secrets = pluralize(secrets, "secret");
            format!("Vault or another client has rotated the key, and not rewrapped {secrets}")
        }
    }
}

/// Returns an error with its remedy.
fn message(error: &RotationError, tenant: &TenantName, old_versions: OldVersions) -> String {
    let remedy = match error {
        RotationError::LeaseHeld(_) => {
            "; --wait DURATION waits longer. If that process has ended, its lease ends within 30 \
             seconds"
                .to_owned()
        }
        RotationError::Stopped => "; run it again to resume".to_owned(),
        RotationError::Secret(error) => match error {
            SecretError::PermissionDenied if old_versions == OldVersions::Destroy => {
                "; it needs what policies/key-rotator.hcl and policies/version-destroyer.hcl grant, \
                 which `policies apply` loads"
                    .to_owned()
            }
            SecretError::PermissionDenied => {
                "; it needs what policies/key-rotator.hcl grants, which `policies apply` loads"
                    .to_owned()
            }
            SecretError::Unavailable(_) | SecretError::LeaseLost => {
                ". Run it again to resume".to_owned()
            }
            error => secret_error_hint(error, tenant),
        },
        RotationError::MinEncryptionVersion(_) => format!(
            ". Set min_encryption_version of the transit key tenant-{tenant} to 0, and run this again"
        ),
        RotationError::InvalidKeyDate { .. } => String::new(),
    };
    format!("{tenant}: {error}{remedy}")
}

//! The rotation schedules of tenants, from their settings and Vault's clock.

use jiff::Timestamp;

use super::{InspectError, RotationIntervals, TenantSettings};
use crate::{
    policy::Mounts,
    provisioning::ProvisionError,
    tenants::{RotationSchedule, Tenant, TenantKey, TenantName},
    vault::{VaultSession, server_time},
};

/// The rotation schedules of all tenants, at one moment.
pub struct RotationSchedules {
    intervals: Result<RotationIntervals, String>,
    now: Timestamp,
}

impl RotationSchedules {
    /// Reads the settings of all tenants. Settings that cannot be read are part of the result.
    ///
    /// # Errors
    /// Fails if Vault's clock cannot be read.
    pub async fn read(session: &VaultSession, mounts: &Mounts) -> Result<Self, ProvisionError> {
        let now = read_clock(session).await?;
        let intervals = TenantSettings::new(session, mounts).rotation_intervals().await;
        let intervals = intervals.map_err(|error| unreadable_settings(&error, mounts).to_string());
        Ok(Self { intervals, now })
    }

    /// Reads the schedule of one tenant. Settings that cannot be read are part of the result.
    ///
    /// # Errors
    /// Fails if Vault's clock cannot be read.
    pub async fn read_one(
        session: &VaultSession,
        mounts: &Mounts,
        tenant: &Tenant,
    ) -> Result<RotationSchedule, ProvisionError> {
        let now = read_clock(session).await?;
        let settings = TenantSettings::new(session, mounts);
        let interval = settings.rotation_interval(&tenant.name).await;
        let interval = interval.map_err(|error| error.to_string());
        Ok(RotationSchedule::new(interval, tenant.key.as_ref(), now))
    }

    /// Returns the schedule of this tenant with this key.
    #[must_use]
    pub fn get(&self, tenant: &TenantName, key: Option<&TenantKey>) -> RotationSchedule {
        let interval = match &self.intervals {
            Err(error) => Err(error.clone()),
            Ok(intervals) => intervals.get(tenant.as_str()).cloned().transpose(),
        };
        RotationSchedule::new(interval, key, self.now)
    }

    /// Returns the error if the settings could not be read at all.
    #[must_use]
    pub fn into_error(self) -> Option<String> {
        self.intervals.err()
    }
}

async fn read_clock(session: &VaultSession) -> Result<Timestamp, ProvisionError> {
    let now = server_time(session.client()).await;
    now.map_err(|error| ProvisionError(format!("Vault's clock cannot be read: {}", error.detail)))
}

/// Returns the error for settings of tenants that could not be listed or read, with a hint.
#[must_use]
pub fn unreadable_settings(error: &InspectError, Mounts { kv, .. }: &Mounts) -> ProvisionError {
    let message = format!("cannot read {kv}/tenant-settings: {error}");
    ProvisionError(match error {
        InspectError::PermissionDenied(_) => format!(
            "{message}; your token needs list on {kv}/metadata/tenant-settings and read on \
             {kv}/data/tenant-settings/+, which policies/operator.hcl and policies/key-rotator.hcl \
             grant"
        ),
        InspectError::Failed(_) => message,
    })
}

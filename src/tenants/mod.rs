//! Tenants, their naming rules, and the rotation of their keys.

mod key_versions;
mod naming;
mod rotation;
mod rotation_interval;
mod rotation_lease;
mod rotation_schedule;
mod service_name;
mod tenant;
mod tenant_name;

pub use key_versions::KeyVersions;
pub use naming::{
    MEMBERS_FOLDER, METADATA_KEY, SECRETS_FOLDER, SETTINGS_FOLDER, key_name, policy_name,
    rotation_record, secrets_folder, settings_record, tenant_from_key, tenant_from_policy,
};
pub use rotation::{Need, Remaining, Renewal, Standing, Tally};
pub use rotation_interval::{Age, Due, RotationInterval};
pub use rotation_lease::{LeaseHolder, Stage, StoredVersion};
pub use rotation_schedule::{KeyDates, RotationSchedule};
pub use service_name::ServiceName;
pub use tenant::{Key, KeyRotation, Login, LoginKind, Member, Tenant};
pub use tenant_name::{TenantName, is_name};

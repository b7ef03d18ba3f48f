//! Tenants, their naming rules, and when their keys are rotated.

mod key_versions;
mod naming;
mod rotation_interval;
mod rotation_schedule;
mod service_name;
mod tenant;
mod tenant_name;

pub use key_versions::KeyVersions;
pub use naming::{
    MEMBERS_FOLDER, METADATA_KEY, SECRETS_FOLDER, SETTINGS_FOLDER, key_name, policy_name,
    rotation_record, secrets_folder, settings_record, tenant_from_key, tenant_from_policy,
};
pub use rotation_interval::{KeyAge, RotationDue, RotationInterval};
pub use rotation_schedule::{KeyDates, RotationSchedule};
pub use service_name::ServiceName;
pub use tenant::{KeyRotation, LoginKind, Member, MemberLogin, Tenant, TenantKey};
pub use tenant_name::{TenantName, is_valid_name};

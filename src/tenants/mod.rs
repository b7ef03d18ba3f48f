//! Tenants: the customers whose doors and secrets are kept apart.

mod create;
mod key_versions;
mod lease;
mod name;
mod record;
mod rotation;
mod rotation_schedule;
mod schedule;
mod service;

pub use create::things;
pub use key_versions::KeyVersions;
pub use lease::{LeaseHolder, Stage, StoredVersion};
pub use name::{TenantName, is_name};
pub use record::{Key, KeyRotation, Login, LoginKind, Member, Tenant};
pub use rotation::{Need, Remaining, Renewal, Standing, Tally};
pub use rotation_schedule::{KeyDates, RotationSchedule};
pub use schedule::{Age, Due, RotationInterval};
pub use service::ServiceName;

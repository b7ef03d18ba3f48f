//! Tenants: the customers whose doors and secrets are kept apart.

mod create;
mod key_versions;
mod lease;
mod name;
mod record;
mod rotation;
mod service;

pub use create::things;
pub use key_versions::KeyVersions;
pub use lease::{LeaseHolder, Stage, StoredVersion};
pub use name::{TenantName, is_name};
pub use record::{Key, Member, Tenant};
pub use rotation::{Need, Remaining, Renewal, Standing, Tally};
pub use service::ServiceName;

//! Tenants: the customers whose doors and secrets are kept apart.

mod create;
mod lease;
mod name;
mod record;
mod rotation;
mod service;

pub use create::things;
pub use lease::{LeaseHolder, Stage, StoredVersion};
pub use name::{TenantName, is_name};
pub use record::{Key, Member, Tenant};
pub use rotation::{KeyVersions, Need, Remaining, Renewal, Standing, Tally};
pub use service::ServiceName;

//! Tenants: the customers whose doors and secrets are kept apart.

mod create;
mod name;
mod record;
mod rotation;
mod service;

pub use create::things;
pub use name::{TenantName, is_name};
pub use record::{Key, Login, LoginKind, Member, Tenant};
pub use rotation::{KeyVersions, Need, Remaining, Renewal, Standing, Tally};
pub use service::ServiceName;

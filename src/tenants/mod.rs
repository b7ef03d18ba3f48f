//! Tenants: the customers whose doors and secrets are kept apart.

mod name;
mod rotation;

pub use name::{TenantName, is_name};
pub use rotation::{KeyVersions, Need, Remaining, Renewal, Standing, Tally};

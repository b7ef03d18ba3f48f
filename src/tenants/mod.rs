//! Tenants: the customers whose doors and secrets are kept apart.

mod name;

pub use name::{TenantName, is_name};

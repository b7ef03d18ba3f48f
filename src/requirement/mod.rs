//! What the proxy's configuration asks of a caller, written next to the route.
//!
//! Requirements only ever narrow. One that cannot be read is an error, so that a mistake in a
//! configuration closes a route and never opens one.

mod parse;

pub use parse::RequirementError;

use crate::tenants::TenantName;

/// All that the caller has to meet. None at all: any live token passes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requirements(Vec<Requirement>);

/// One thing that the caller has to meet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// Vault applies at least one of these policies to the token.
    AnyPolicy(Vec<Box<str>>),
    /// The caller belongs to this tenant.
    Tenant(TenantName),
}

impl Requirements {
    /// Each requirement, in the order in which they were written.
    pub fn iter(&self) -> impl Iterator<Item = &Requirement> {
        self.0.iter()
    }
}

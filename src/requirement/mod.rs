//! What the proxy's configuration asks of a caller, written next to the route.
//!
//! Requirements only ever narrow. One that cannot be read is an error, so that a mistake in a
//! configuration closes a route and never opens one.

mod known;
mod parse;
mod path;
#[cfg(test)]
mod properties;

use std::fmt;

pub use known::KnownRequirements;
pub use parse::{ErrorKind, RequirementError};
pub use path::{AclPath, Ambiguous};

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
    /// Vault grants the caller, on this path, what the request's method implies.
    Acl(AclPath),
    /// The same on this path with the request's own path behind it.
    AclUri(AclPath),
}

impl Requirements {
    /// None at all.
    pub const NONE: Self = Self(Vec::new());

    /// Each requirement, in the order in which they were written.
    pub fn iter(&self) -> impl Iterator<Item = &Requirement> {
        self.0.iter()
    }
}

/// As one would write it in a query string.
impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AnyPolicy(names) => write!(f, "policy={}", names.join(",")),
            Self::Tenant(name) => write!(f, "tenant={name}"),
            Self::Acl(path) => write!(f, "acl={path}"),
            Self::AclUri(path) => write!(f, "acl_uri={path}"),
        }
    }
}

//! A route's requirements, which the proxy's configuration passes in the query string of
//! `/validate`.
//!
//! Requirements only restrict access. Invalid ones are an error, so that a mistake in a
//! configuration closes a route and never opens one.

mod cache;
mod parse;
mod path;
#[cfg(test)]
mod properties;

use std::fmt;

pub use cache::RequirementsCache;
pub use parse::{RequirementError, RequirementErrorKind};
pub use path::{AclPath, AmbiguousPath};

use crate::tenants::TenantName;

/// The requirements of a route, all of which the caller has to meet. Without any, every valid token
/// passes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requirements(Vec<Requirement>);

/// One requirement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// The token has at least one of these policies.
    AnyPolicy(Vec<Box<str>>),
    /// The caller belongs to this tenant.
    Tenant(TenantName),
    /// Vault grants the caller, on this path, a capability that the request's method implies.
    Acl(AclPath),
    /// Vault grants the same on this path joined with the request's own path.
    AclUri(AclPath),
}

impl Requirements {
    /// No requirements.
    pub const NONE: Self = Self(Vec::new());

    /// Returns the requirements in the order of the query string.
    pub fn iter(&self) -> impl Iterator<Item = &Requirement> {
        self.0.iter()
    }
}

/// The requirement as written in a query string, without percent-encoding.
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

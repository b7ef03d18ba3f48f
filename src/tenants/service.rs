use std::fmt;

use super::{TenantName, is_name};

/// The name of a tenant's service, of the same form as a tenant's: `chatwoot`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceName(Box<str>);

impl ServiceName {
    /// The name, if it has exactly the form of one.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        is_name(name).then(|| Self(name.into()))
    }

    /// What the AppRole and the entity of this service of this tenant are called.
    ///
    /// Of two tenants `a` and `a-b` both could have an `a-b-c`. The entity's metadata says whose
    /// it is, and nobody else gets it.
    #[must_use]
    pub fn of(&self, tenant: &TenantName) -> String {
        format!("{tenant}-{self}")
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

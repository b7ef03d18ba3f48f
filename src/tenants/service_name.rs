use std::fmt;

use super::is_valid_name;

/// The name of a tenant's service, such as `chatwoot`. It has the form of a tenant's name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceName(Box<str>);

impl ServiceName {
    /// Returns the name, if it is valid.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        is_valid_name(name).then(|| Self(name.into()))
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

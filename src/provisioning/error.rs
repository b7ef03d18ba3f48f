use std::{error::Error, fmt};

/// The reason why a resource cannot be read or created, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvisionError(pub String);

impl fmt::Display for ProvisionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for ProvisionError {}

use std::fmt;

use serde::{Deserialize, Serialize};

/// The process that holds a lease on a tenant's rotation, as it describes itself. Nothing in it is
/// secret, and nothing in it grants anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseHolder {
    /// A random number that no other process has.
    pub id: String,
    /// The name of its machine, or of its container.
    pub host: String,
    /// Its process id there.
    pub process: u32,
    /// The user that it runs as.
    pub user: String,
    /// When Vault first granted it the lease, in RFC 3339; `None` before that.
    pub since: Option<String>,
}

impl LeaseHolder {
    /// One that did not describe itself.
    #[must_use]
    pub fn unknown() -> Self {
        let unknown = |what| format!("an unknown {what}");
        Self {
            id: String::new(),
            host: unknown("machine"),
            process: 0,
            user: unknown("user"),
            since: None,
        }
    }
}

impl fmt::Display for LeaseHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, process, user, since, .. } = self;
        write!(f, "process {process} of {user} on {host}")?;
        since.iter().try_for_each(|since| write!(f, ", since {since}"))
    }
}

/// The last version of a tenant's key that a successful rotation is known to have stored.
///
/// OpenBao may have a newer version in its memory alone, which a restart loses. The time of its
/// creation tells a version from one with the same number of a key that was made anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredVersion {
    /// The number of the version.
    pub version: u64,
    /// When Vault made it, in seconds since 1970.
    pub created: i64,
    /// How far the secrets have followed.
    pub stage: Stage,
}

/// How far a rotation has come after the key had its new version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// There may be secrets that are encrypted with an older version.
    Rewrapping,
    /// The latest version of every secret is encrypted with it.
    Finished,
}

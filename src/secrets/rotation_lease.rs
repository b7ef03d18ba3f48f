use std::fmt;

use serde::{Deserialize, Serialize};

/// The process that holds the lease on the rotation of a tenant's key, as it describes itself. No
/// field is secret or grants anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseHolder {
    /// A random number that identifies the process.
    pub id: String,
    /// The host name of its machine or container.
    pub host: String,
    /// Its process id.
    pub process: u32,
    /// The user that it runs as.
    pub user: String,
    /// The time at which it acquired the lease, in RFC 3339; `None` before that.
    pub since: Option<String>,
}

impl LeaseHolder {
    /// Returns a holder without a description.
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

/// The latest version of a tenant's key that a successful rotation has stored.
///
/// `OpenBao` may have a newer version in memory only, which a restart loses. The time of creation
/// distinguishes a version from one with the same number of a key that was created again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredVersion {
    /// The number of the version.
    pub version: u64,
    /// The time at which Vault created it, in seconds since 1970.
    pub created: i64,
    /// The stage of the rotation.
    pub stage: RotationStage,
}

/// The stage of a rotation after the new version of the key was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RotationStage {
    /// Some secrets may still be encrypted with an older version.
    Rewrapping,
    /// The latest version of every secret is encrypted with the new version of the key.
    Complete,
}

use crate::{
    secrets::RotationSummary,
    tenants::{KeyAge, KeyVersions},
};

/// The treatment of versions of secrets that need an older version of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OldVersions {
    /// They stay readable.
    Keep,
    /// They are destroyed irreversibly.
    Destroy,
}

/// The start of a rotation: a new version of the key, or an existing one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RotationStart {
    /// The key has, or would have, a new version.
    NewVersion,
    /// An earlier rotation was not finished, and is resumed.
    Resumed,
    /// Another process rotated the key while this one waited for it.
    Joined,
}

/// The results of a rotation, or of its dry run.
#[derive(Clone, Debug)]
pub struct RotationReport {
    /// The start of the rotation.
    pub start: RotationStart,
    /// The versions of the key. The latest is the one that the secrets are rewrapped to.
    pub key: KeyVersions,
    /// The treatment of versions of secrets that need an older version of the key.
    pub old_versions: OldVersions,
    /// The counts of all secrets.
    pub tally: RotationSummary,
    /// True if all secrets were processed.
    pub complete: bool,
}

/// The reason why a rotation is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RotationReason {
    /// The key is at least as old as its rotation interval.
    KeyAge(KeyAge),
    /// An earlier rotation was not finished.
    Unfinished,
    /// This number of secrets is encrypted with an older version than the latest, which was not
    /// made by `tenants rotate`, or cannot be read.
    Outdated(u64),
}

impl RotationReport {
    pub(super) fn new(start: RotationStart, key: KeyVersions, old_versions: OldVersions) -> Self {
        Self { start, key, old_versions, tally: RotationSummary::default(), complete: false }
    }
}

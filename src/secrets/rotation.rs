/// The version of a tenant's key that a version of a secret needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequiredKeyVersion {
    /// A version of the key, by number.
    Key(u64),
    /// Not known: the version of the secret is deleted and can be undeleted.
    Unknown,
}

/// A version of a secret that may need an older version of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PendingVersion {
    /// The number of the version.
    pub version: u64,
    /// The version of the key that it needs.
    pub required_key: RequiredKeyVersion,
}

/// The result of a rewrap of the latest version of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RewrapOutcome {
    /// The latest version was already encrypted with the new version of the key. Unless this is a
    /// survey, Vault has just decrypted it.
    UpToDate,
    /// The latest version is encrypted with an older version of the key, and was not rewrapped.
    Outdated,
    /// A new version of the secret has the same content, encrypted with the new version of the key.
    Rewrapped,
    /// The latest version is deleted.
    Deleted,
}

/// The state of one secret in the rotation to a new version of the key.
#[derive(Clone, Debug)]
pub struct RotationStatus {
    /// The result for its latest version.
    pub latest: RewrapOutcome,
    /// The versions of the secret that need an older version of the key, or may.
    pub pending: Vec<PendingVersion>,
    /// The number of such versions that were destroyed.
    pub destroyed: usize,
}

/// The maximum number of secrets with older versions that are listed by name.
const MAX_LISTED: usize = 10;

/// The results for all secrets of a tenant. Its size grows only with the number of failures.
#[derive(Clone, Debug, Default)]
pub struct RotationSummary {
    /// The number of secrets.
    pub secrets: u64,
    /// The number of secrets that were rewrapped.
    pub rewrapped: u64,
    /// The number of secrets that are encrypted with an older version of the key.
    pub outdated: u64,
    /// The number of versions that were destroyed.
    pub destroyed: u64,
    /// The number of versions that need an older version of the key, or may.
    pub pending_versions: u64,
    /// The number of secrets with such versions.
    pub pending_secrets: u64,
    /// The number of such versions that are deleted, so that they cannot be checked.
    pub unknown: u64,
    /// The number of such versions that are live while the latest version of the secret is deleted.
    /// They are never destroyed.
    pub without_successor: u64,
    /// The number of secrets that failed.
    pub failed: u64,
    /// The first secrets with such versions, with the numbers of these.
    pub examples: Vec<(String, Vec<u64>)>,
    /// The secrets that failed, with the reasons.
    pub failures: Vec<(String, String)>,
    oldest: Option<u64>,
}

impl RequiredKeyVersion {
    /// Returns true if this version of the key, or a later one, is sufficient.
    #[must_use]
    pub fn is_satisfied_by(self, key_version: u64) -> bool {
        matches!(self, Self::Key(needed) if needed >= key_version)
    }
}

impl RotationSummary {
    /// Adds the state of a secret.
    pub fn add(&mut self, name: &str, status: &RotationStatus) {
        self.secrets += 1;
        self.destroyed += status.destroyed as u64;
        match status.latest {
            RewrapOutcome::Rewrapped => self.rewrapped += 1,
            RewrapOutcome::Outdated => self.outdated += 1,
            RewrapOutcome::UpToDate | RewrapOutcome::Deleted => {}
        }
        if status.pending.is_empty() {
            return;
        }
        self.pending_secrets += 1;
        self.pending_versions += status.pending.len() as u64;
        for pending in &status.pending {
            match pending.required_key {
                RequiredKeyVersion::Key(key) => {
                    self.without_successor += u64::from(status.latest == RewrapOutcome::Deleted);
                    self.oldest = Some(self.oldest.map_or(key, |oldest| oldest.min(key)));
                }
                RequiredKeyVersion::Unknown => self.unknown += 1,
            }
        }
        if self.examples.len() < MAX_LISTED {
            let versions = status.pending.iter().map(|pending| pending.version);
            self.examples.push((name.to_owned(), versions.collect()));
        }
    }

    /// Adds a secret that failed, with the reason.
    pub fn add_failure(&mut self, name: &str, reason: String) {
        self.secrets += 1;
        self.failed += 1;
        self.failures.push((name.to_owned(), reason));
    }

    /// Returns the oldest version of the key that is needed, `latest` or an older one; `None` if it
    /// is not known for all versions of all secrets. Without any secret it is not known: the secrets
    /// may be in another mount.
    #[must_use]
    pub fn oldest_needed(&self, latest: u64) -> Option<u64> {
        let known = self.secrets > 0 && self.failed == 0 && self.unknown == 0;
        known.then(|| self.oldest.map_or(latest, |oldest| oldest.min(latest)))
    }
}

#[cfg(test)]
mod tests {
    use super::{
        PendingVersion, RequiredKeyVersion, RewrapOutcome, RotationStatus, RotationSummary,
    };

    fn status(needs: &[RequiredKeyVersion]) -> RotationStatus {
        let pending =
            (1..).zip(needs).map(|(version, &need)| PendingVersion { version, required_key: need });
        RotationStatus {
            latest: RewrapOutcome::Rewrapped,
            pending: pending.collect(),
            destroyed: 0,
        }
    }

    #[test]
    fn oldest_needed_requires_all_needs_known() {
        let oldest = |needs: &[&[RequiredKeyVersion]]| {
            let mut summary = RotationSummary::default();
            for needs in needs {
                summary.add("a", &status(needs));
            }
            summary.oldest_needed(4)
        };
        assert_eq!(oldest(&[]), None);
        assert_eq!(oldest(&[&[], &[]]), Some(4));
        assert_eq!(
            oldest(&[
                &[RequiredKeyVersion::Key(3)],
                &[RequiredKeyVersion::Key(2), RequiredKeyVersion::Key(3)]
            ]),
            Some(2)
        );
        assert_eq!(oldest(&[&[RequiredKeyVersion::Key(3)], &[RequiredKeyVersion::Unknown]]), None);
        let mut failed = RotationSummary::default();
        failed.add_failure("a", "no".to_owned());
        assert_eq!(failed.oldest_needed(4), None);
    }

    #[test]
    fn failures_are_kept_examples_limited() {
        let mut summary = RotationSummary::default();
        for number in 0..1000 {
            summary.add(
                &number.to_string(),
                &status(&[RequiredKeyVersion::Key(1), RequiredKeyVersion::Unknown]),
            );
            summary.add_failure(&number.to_string(), "no".to_owned());
        }
        assert_eq!((summary.examples.len(), summary.failures.len()), (10, 1000));
        assert_eq!((summary.secrets, summary.rewrapped, summary.failed), (2000, 1000, 1000));
        assert_eq!(
            (summary.pending_versions, summary.pending_secrets, summary.unknown),
            (2000, 1000, 1000)
        );
    }
}

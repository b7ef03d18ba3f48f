/// The version of a tenant's key that a version of a secret needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// A version of the key, by number.
    Key(u64),
    /// Not known: the version of the secret is deleted and can be undeleted.
    Unknown,
}

/// A version of a secret that may need an older version of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remaining {
    /// The number of the version.
    pub version: u64,
    /// The version of the key that it needs.
    pub need: Need,
}

/// The result of a rewrap of the latest version of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewal {
    /// The latest version was already encrypted with the new version of the key. Unless this is a
    /// survey, Vault has just decrypted it.
    UpToDate,
    /// The latest version is encrypted with an older version of the key, and was not rewrapped.
    Behind,
    /// A new version of the secret has the same content, encrypted with the new version of the key.
    Rewrapped,
    /// The latest version is deleted.
    Gone,
}

/// The state of one secret in the rotation to a new version of the key.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The result for its latest version.
    pub latest: Renewal,
    /// The versions of the secret that need an older version of the key, or may.
    pub remaining: Vec<Remaining>,
    /// The number of such versions that were destroyed.
    pub destroyed: usize,
}

/// The maximum number of secrets with older versions that are listed by name.
const MAX_LISTED: usize = 10;

/// The results for all secrets of a tenant. Its size grows only with the number of failures.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// The number of secrets.
    pub secrets: u64,
    /// The number of secrets that were rewrapped.
    pub rewrapped: u64,
    /// The number of secrets that are encrypted with an older version of the key.
    pub behind: u64,
    /// The number of versions that were destroyed.
    pub destroyed: u64,
    /// The number of versions that need an older version of the key, or may.
    pub remaining: u64,
    /// The number of secrets with such versions.
    pub remaining_in: u64,
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

impl Need {
    /// Returns true if this version of the key, or a later one, is sufficient.
    #[must_use]
    pub fn is_met_by(self, key_version: u64) -> bool {
        matches!(self, Self::Key(needed) if needed >= key_version)
    }
}

impl Tally {
    /// Adds the state of a secret.
    pub fn add(&mut self, name: &str, standing: &Standing) {
        self.secrets += 1;
        self.destroyed += standing.destroyed as u64;
        match standing.latest {
            Renewal::Rewrapped => self.rewrapped += 1,
            Renewal::Behind => self.behind += 1,
            Renewal::UpToDate | Renewal::Gone => {}
        }
        if standing.remaining.is_empty() {
            return;
        }
        self.remaining_in += 1;
        self.remaining += standing.remaining.len() as u64;
        for remaining in &standing.remaining {
            match remaining.need {
                Need::Key(key) => {
                    self.without_successor += u64::from(standing.latest == Renewal::Gone);
                    self.oldest = Some(self.oldest.map_or(key, |oldest| oldest.min(key)));
                }
                Need::Unknown => self.unknown += 1,
            }
        }
        if self.examples.len() < MAX_LISTED {
            let versions = standing.remaining.iter().map(|remaining| remaining.version);
            self.examples.push((name.to_owned(), versions.collect()));
        }
    }

    /// Adds a secret that failed, with the reason.
    pub fn fail(&mut self, name: &str, reason: String) {
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
    use super::{Need, Remaining, Renewal, Standing, Tally};

    fn standing(needs: &[Need]) -> Standing {
        let remaining = (1..).zip(needs).map(|(version, &need)| Remaining { version, need });
        Standing { latest: Renewal::Rewrapped, remaining: remaining.collect(), destroyed: 0 }
    }

    #[test]
    fn oldest_needed_requires_all_needs_known() {
        let oldest = |needs: &[&[Need]]| {
            let mut tally = Tally::default();
            for needs in needs {
                tally.add("a", &standing(needs));
            }
            tally.oldest_needed(4)
        };
        assert_eq!(oldest(&[]), None);
        assert_eq!(oldest(&[&[], &[]]), Some(4));
        assert_eq!(oldest(&[&[Need::Key(3)], &[Need::Key(2), Need::Key(3)]]), Some(2));
        assert_eq!(oldest(&[&[Need::Key(3)], &[Need::Unknown]]), None);
        let mut failed = Tally::default();
        failed.fail("a", "no".to_owned());
        assert_eq!(failed.oldest_needed(4), None);
    }

    #[test]
    fn failures_are_kept_examples_limited() {
        let mut tally = Tally::default();
        for number in 0..1000 {
            tally.add(&number.to_string(), &standing(&[Need::Key(1), Need::Unknown]));
            tally.fail(&number.to_string(), "no".to_owned());
        }
        assert_eq!((tally.examples.len(), tally.failures.len()), (10, 1000));
        assert_eq!((tally.secrets, tally.rewrapped, tally.failed), (2000, 1000, 1000));
        assert_eq!((tally.remaining, tally.remaining_in, tally.unknown), (2000, 1000, 1000));
    }
}

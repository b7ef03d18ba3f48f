/// What it takes to read a version of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// This version of the key.
    Key(u64),
    /// That cannot be seen: it was deleted, and Vault could bring it back.
    Unknown,
}

/// A version of a secret that may need an older version of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remaining {
    /// Its number.
    pub version: u64,
    /// What it needs.
    pub need: Need,
}

/// What became of the latest version of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewal {
    /// It was encrypted with the new version of the key already. Unless nothing was to be done, Vault
    /// has proven that it reads it.
    UpToDate,
    /// It is encrypted with an older one, and was left so.
    Behind,
    /// It has a successor that says the same, encrypted with the new one.
    Rewrapped,
    /// It was deleted.
    Gone,
}

/// How one secret stands to the new version of the key.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Its latest version.
    pub latest: Renewal,
    /// Those versions that need an older one, or may.
    pub remaining: Vec<Remaining>,
    /// How many such versions were destroyed.
    pub destroyed: usize,
}

/// The maximum number of secrets with older versions that are told by name.
const NAMED: usize = 10;

/// What was found and done among all secrets of a tenant. It grows with those that failed alone.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// How many secrets were looked at.
    pub secrets: u64,
    /// How many were encrypted anew.
    pub rewrapped: u64,
    /// How many are behind.
    pub behind: u64,
    /// How many versions were destroyed.
    pub destroyed: u64,
    /// How many versions need an older version of the key, or may.
    pub remaining: u64,
    /// In how many secrets those are.
    pub remaining_in: u64,
    /// How many of them were deleted, so that nobody can tell.
    pub unknown: u64,
    /// The number of them that are live in a secret whose latest version is not: these are never
    /// destroyed.
    pub without_successor: u64,
    /// How many secrets could not be dealt with.
    pub failed: u64,
    /// The first of the secrets with such versions, with these.
    pub examples: Vec<(String, Vec<u64>)>,
    /// All of those that could not be dealt with, and why not.
    pub failures: Vec<(String, String)>,
    oldest: Option<u64>,
}

impl Need {
    /// Whether this version of the key, or a later one, is all that it takes.
    #[must_use]
    pub fn is_met_by(self, key_version: u64) -> bool {
        matches!(self, Self::Key(needed) if needed >= key_version)
    }
}

impl Tally {
    /// Takes up a secret.
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
        if self.examples.len() < NAMED {
            let versions = standing.remaining.iter().map(|remaining| remaining.version);
            self.examples.push((name.to_owned(), versions.collect()));
        }
    }

    /// Takes up a secret that could not be dealt with, and why not.
    pub fn fail(&mut self, name: &str, why: String) {
        self.secrets += 1;
        self.failed += 1;
        self.failures.push((name.to_owned(), why));
    }

    /// The oldest version of the key that is needed, this one or an older; `None` while that is
    /// not known of all versions of all secrets. Without any secret nothing is known: they may be in
    /// another mount.
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
    fn an_older_version_of_the_key_is_done_with_only_if_nothing_can_need_it() {
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
    fn all_failures_are_kept_and_few_examples() {
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

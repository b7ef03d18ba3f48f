/// The versions of a tenant's key that are in use. The first version is 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyVersions {
    /// The latest version, which encrypts.
    pub latest: u64,
    /// The oldest version that may decrypt (`min_decryption_version`).
    pub min_decryption: u64,
    /// The oldest version that may encrypt, if restricted. Vault rejects a `min_decryption_version`
    /// above it.
    pub min_encryption: Option<u64>,
    /// The time at which the latest version was created, in seconds since 1970.
    pub created: i64,
}

impl KeyVersions {
    /// Checks the numbers in Vault's answer about a key. A `min_encryption` of 0 is no restriction.
    ///
    /// # Errors
    /// A message that names the first number that is impossible.
    pub fn new(
        latest: u64,
        oldest: u64,
        min_encryption: u64,
        created: i64,
    ) -> Result<Self, &'static str> {
        if latest == 0 {
            return Err("latest_version is 0");
        }
        if oldest == 0 || oldest > latest {
            return Err("min_decryption_version is not between 1 and latest_version");
        }
        if min_encryption > latest {
            return Err("min_encryption_version is above latest_version");
        }
        let min_encryption = Some(min_encryption).filter(|version| *version > 0);
        Ok(Self { latest, min_decryption: oldest, min_encryption, created })
    }
}

#[cfg(test)]
mod tests {
    use super::KeyVersions;

    #[test]
    fn contradictory_numbers_are_rejected() {
        let versions = |latest, oldest, min| KeyVersions::new(latest, oldest, min, 1);
        for (latest, oldest, min) in [(0, 0, 0), (0, 1, 0), (1, 0, 0), (2, 3, 0), (2, 1, 3)] {
            assert!(versions(latest, oldest, min).is_err(), "{latest} {oldest} {min}");
        }
        assert_eq!(versions(3, 2, 0).map(|key| key.min_encryption), Ok(None));
        assert_eq!(versions(3, 2, 3).map(|key| key.min_encryption), Ok(Some(3)));
    }
}

use std::{fmt, num::NonZeroU64, str::FromStr};

use jiff::Timestamp;

/// The number of a version of a secret, starting at 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretVersion(NonZeroU64);

impl SecretVersion {
    /// Returns the version with this number; `None` for 0.
    #[must_use]
    pub fn new(number: u64) -> Option<Self> {
        NonZeroU64::new(number).map(Self)
    }

    /// Returns the number.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0.get()
    }
}

impl fmt::Display for SecretVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for SecretVersion {
    type Err = String;

    /// Parses digits without a sign or leading zeros, so that each version has one spelling.
    fn from_str(text: &str) -> Result<Self, String> {
        let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
        let version = text.parse().ok().filter(|_| plain).map(Self);
        version.ok_or_else(|| "a version is a whole number, 1 or greater".to_owned())
    }
}

/// A version of a secret without its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionInfo {
    /// The number of the version.
    pub version: SecretVersion,
    /// The time of the write, by Vault's clock.
    pub created_at: Timestamp,
    /// The state of the version.
    pub state: VersionState,
    /// The version of the tenant's key that it was encrypted with. `None` if that is not known: it
    /// takes the permission to read the version, and a deleted version does not show it.
    pub key_version: Option<u64>,
}

/// The state of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionState {
    /// The version can be read.
    Live,
    /// The version was deleted at this time, by Vault's clock, and can be restored.
    Deleted(Timestamp),
    /// The version was destroyed irreversibly.
    Destroyed,
}

impl VersionState {
    /// Returns the state in one word: `live`, `deleted` or `destroyed`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Deleted(_) => "deleted",
            Self::Destroyed => "destroyed",
        }
    }

    /// Returns the time of deletion of a version that can be restored.
    #[must_use]
    pub fn deleted_at(self) -> Option<Timestamp> {
        match self {
            Self::Deleted(time) => Some(time),
            Self::Live | Self::Destroyed => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::SecretVersion;

    #[test]
    fn version_has_one_spelling() {
        assert_eq!("12".parse::<SecretVersion>().map(SecretVersion::number), Ok(12));
        for text in ["", "0", "01", "+1", "-1", "1.0", " 1", "1e3", "18446744073709551616", "१"] {
            assert!(text.parse::<SecretVersion>().is_err(), "{text:?}");
        }
    }
}

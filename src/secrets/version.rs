use std::{fmt, num::NonZeroU64, str::FromStr};

use jiff::Timestamp;

use crate::secrets::{Current, SecretData, SecretName};

/// The number of one state of a secret, from 1 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(NonZeroU64);

impl Version {
    /// The version with this number; there is none with 0.
    #[must_use]
    pub fn new(number: u64) -> Option<Self> {
        NonZeroU64::new(number).map(Self)
    }

    /// Its number.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0.get()
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Version {
    type Err = String;

    /// Digits alone, without a sign or a zero before them, so that each version has one spelling.
    fn from_str(text: &str) -> Result<Self, String> {
        let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
        let version = text.parse().ok().filter(|_| plain).map(Self);
        version.ok_or_else(|| "a version is a whole number from 1 on".to_owned())
    }
}

/// One version of a secret, in the clear.
#[derive(Debug)]
pub struct Secret {
    /// Which one.
    pub version: Version,
    /// When it was written, by Vault's clock.
    pub created_at: Timestamp,
    /// The version of the tenant's key that it was encrypted with.
    pub key_version: u64,
    /// What it holds.
    pub data: SecretData,
}

/// A version of a secret without what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionInfo {
    /// Which one.
    pub version: Version,
    /// When it was written, by Vault's clock.
    pub created_at: Timestamp,
    /// What has become of it.
    pub state: VersionState,
    /// The version of the tenant's key that it was encrypted with, as far as that is known: it takes
    /// the right to read the version, and stands in none that was deleted.
    pub key_version: Option<u64>,
}

/// What has become of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionState {
    /// It can be read.
    Live,
    /// It was deleted at this time, by Vault's clock, and can be brought back.
    Deleted(Timestamp),
    /// It was destroyed for good.
    Destroyed,
}

impl VersionState {
    /// The state in one word: `live`, `deleted` or `destroyed`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Deleted(_) => "deleted",
            Self::Destroyed => "destroyed",
        }
    }

    /// When the version was deleted, if that can be undone.
    #[must_use]
    pub fn deleted_at(self) -> Option<Timestamp> {
        match self {
            Self::Deleted(time) => Some(time),
            Self::Live | Self::Destroyed => None,
        }
    }
}

/// The outcome of bringing a version back.
#[derive(Clone, Copy, Debug)]
pub struct Undeleted {
    /// The version, which is live.
    pub version: VersionInfo,
    /// The latest version of the secret, which is read where none is named. It may be another.
    pub latest: Version,
    /// What the call did.
    pub effect: Effect,
}

/// What a call that may be repeated did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// What was asked for.
    Done,
    /// Nothing: it was so already.
    Unchanged,
}

/// A version that was just written.
#[derive(Clone, Copy, Debug)]
pub struct Written {
    /// Which one.
    pub version: Version,
    /// When, by Vault's clock.
    pub created_at: Timestamp,
    /// The version of the tenant's key that it was encrypted with.
    pub key_version: u64,
    /// What this was to the secret.
    pub change: Change,
}

/// What a write was to a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// There was nothing to be had there before.
    Created,
    /// It took the place of what was there.
    Replaced,
}

/// A part of a tenant's list, in alphabetical order.
#[derive(Clone, Debug)]
pub struct ListPage {
    /// The secrets, the deleted ones among them.
    pub secrets: Vec<Listed>,
    /// The name behind which the list goes on; `None` if this is the end.
    pub next: Option<SecretName>,
}

/// A secret as a list has it.
#[derive(Clone, Debug)]
pub struct Listed {
    /// What it is called.
    pub name: SecretName,
    /// Its latest version.
    pub current: Current,
}

#[cfg(test)]
mod tests {
    use super::Version;

    #[test]
    fn a_version_has_one_spelling() {
        assert_eq!("12".parse::<Version>().map(Version::number), Ok(12));
        for text in ["", "0", "01", "+1", "-1", "1.0", " 1", "1e3", "18446744073709551616", "१"] {
            assert!(text.parse::<Version>().is_err(), "{text:?}");
        }
    }
}

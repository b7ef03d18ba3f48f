use std::{fmt, time::Duration};

use jiff::{SignedDuration, Timestamp};

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

/// The time for which a rotation may be due before it is overdue: two runs of a daily timer.
const GRACE: Duration = Duration::from_secs(2 * DAY);

/// The maximum difference between the clocks of two nodes of Vault.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// The interval at which a tenant's key is to be rotated, in whole hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RotationInterval {
    hours: u64,
}

/// The age of a key's latest version, by Vault's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyAge(Duration);

/// The state of a key's rotation: its age compared with its rotation interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RotationDue {
    /// The latest version is younger than the interval.
    NotYet,
    /// The latest version is as old as the interval, or older.
    Due,
    /// The rotation has been due for more than two days.
    Overdue,
    /// The latest version has a date in the future, so its age is not known.
    Unknown,
}

impl RotationInterval {
    /// The minimum, which is also that of Vault's `auto_rotate_period`.
    const MIN_HOURS: u64 = 1;
    /// The maximum: ten years.
    const MAX_HOURS: u64 = 3650 * 24;

    /// Parses an interval such as `90d` or `12h`.
    ///
    /// # Errors
    /// A message with the valid form.
    pub fn parse(text: &str) -> Result<Self, String> {
        let invalid = || {
            format!(
                "`{}` is not a rotation interval: use whole hours or days, from 1h to 3650d, such \
                 as 90d",
                text.escape_debug()
            )
        };
        let interval = humantime::parse_duration(text).map_err(|_| invalid())?;
        let hours = interval.as_secs() / HOUR;
        let is_whole = interval == Duration::from_secs(hours * HOUR);
        let fits = (Self::MIN_HOURS..=Self::MAX_HOURS).contains(&hours);
        if is_whole && fits { Ok(Self { hours }) } else { Err(invalid()) }
    }

    /// Compares the age of a key's latest version with the interval. `None` is an unknown age.
    #[must_use]
    pub fn compare(self, age: Option<KeyAge>) -> RotationDue {
        let every = Duration::from_secs(self.hours * HOUR);
        match age {
            None => RotationDue::Unknown,
            Some(KeyAge(age)) if age < every => RotationDue::NotYet,
            Some(KeyAge(age)) if age <= every + GRACE => RotationDue::Due,
            Some(_) => RotationDue::Overdue,
        }
    }
}

impl fmt::Display for RotationInterval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.hours.is_multiple_of(24) {
            write!(f, "{}d", self.hours / 24)
        } else {
            write!(f, "{}h", self.hours)
        }
    }
}

impl KeyAge {
    /// Returns the time from `created` to `now`, both by Vault's clock; `None` if `created` is in
    /// the future by more than the clocks of two nodes may differ.
    #[must_use]
    pub fn between(created: Timestamp, now: Timestamp) -> Option<Self> {
        let age = now.duration_since(created);
        if age < -CLOCK_TOLERANCE {
            return None;
        }
        Some(Self(Duration::try_from(age).unwrap_or_default()))
    }

    /// Returns the age in whole seconds.
    #[must_use]
    pub fn as_secs(self) -> u64 {
        self.0.as_secs()
    }
}

impl fmt::Display for KeyAge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_secs() {
            seconds @ DAY.. => write!(f, "{}d", seconds / DAY),
            seconds @ HOUR.. => write!(f, "{}h", seconds / HOUR),
            _ => f.write_str("<1h"),
        }
    }
}

impl RotationDue {
    /// Returns the state in a word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotYet => "no",
            Self::Due => "due",
            Self::Overdue => "overdue",
            Self::Unknown => "unknown",
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};
    use proptest::prelude::*;

    use super::{KeyAge, RotationDue, RotationInterval};

    #[test]
    fn whole_hours_or_days_are_parsed() {
        for (text, shown) in [
            ("90d", "90d"),
            ("1h", "1h"),
            ("36h", "36h"),
            ("48h", "2d"),
            ("2w", "14d"),
            ("1d 12h", "36h"),
            ("3650d", "3650d"),
        ] {
            let interval = RotationInterval::parse(text).expect(text);
            assert_eq!(interval.to_string(), shown);
            assert_eq!(RotationInterval::parse(shown), Ok(interval));
        }
    }

    #[test]
    fn invalid_interval_names_the_valid_form() {
        for text in [
            "",
            "0",
            "0d",
            "-1d",
            "90",
            "d",
            "90 days and more",
            "90x",
            "59m",
            "90m",
            "1h 1s",
            "3651d",
            "18446744073709551615d",
            "never",
            "90\nx",
            "null",
            "1e3d",
        ] {
            let error = RotationInterval::parse(text).expect_err(text);
            assert!(error.contains("such as 90d"), "{error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn key_is_overdue_two_days_after_due() {
        let every = RotationInterval::parse("90d").expect("an interval");
        let created: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a time");
        let at = |hours| {
            let now = created + SignedDuration::from_hours(hours);
            every.compare(KeyAge::between(created, now))
        };
        assert_eq!(at(0), RotationDue::NotYet);
        assert_eq!(at(90 * 24 - 1), RotationDue::NotYet);
        assert_eq!(at(90 * 24), RotationDue::Due);
        assert_eq!(at(92 * 24), RotationDue::Due);
        assert_eq!(at(92 * 24 + 1), RotationDue::Overdue);
        assert_eq!(at(-1), RotationDue::Unknown, "a date in the future is not an age of zero");
    }

    #[test]
    fn small_clock_difference_is_tolerated() {
        let created: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a time");
        let before =
            |seconds| KeyAge::between(created, created - SignedDuration::from_secs(seconds));
        assert_eq!(before(300).map(KeyAge::as_secs), Some(0));
        assert_eq!(before(301), None);
    }

    proptest! {
        #[test]
        fn formatted_interval_parses_to_itself(text in "[0-9]{0,9}[a-z ]{0,3}[0-9]{0,3}[hd]?") {
            if let Ok(interval) = RotationInterval::parse(&text) {
                prop_assert_eq!(RotationInterval::parse(&interval.to_string()), Ok(interval));
            }
        }
    }
}

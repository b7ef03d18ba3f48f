use std::{fmt, time::Duration};

use jiff::{SignedDuration, Timestamp};

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

/// How long a rotation may be due before it counts as overdue: two runs of a daily timer.
const GRACE: Duration = Duration::from_secs(2 * DAY);

/// How far the clocks of two nodes of Vault may be apart.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// The interval at which a tenant's key is to be rotated, in whole hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RotationInterval {
    hours: u64,
}

/// The age of a key's latest version, by Vault's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Age(Duration);

/// How the age of a key compares with its rotation interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// The latest version is younger than the interval.
    NotYet,
    /// It is as old, or older.
    Due,
    /// It has been due for more than two days.
    Overdue,
    /// The latest version is dated in the future, so that its age is not known.
    Unknown,
}

impl RotationInterval {
    /// The shortest, which is also that of Vault's `auto_rotate_period`.
    const MIN_HOURS: u64 = 1;
    /// The longest: ten years.
    const MAX_HOURS: u64 = 3650 * 24;

    /// Reads an interval such as `90d` or `12h`.
    ///
    /// # Errors
    /// A message that says which form it has to have.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{}` is no rotation interval: it is whole hours or days, from 1h to 3650d, such \
                 as 90d",
                text.escape_debug()
            )
        };
        let interval = humantime::parse_duration(text).map_err(|_| wrong())?;
        let hours = interval.as_secs() / HOUR;
        let is_whole = interval == Duration::from_secs(hours * HOUR);
        let fits = (Self::MIN_HOURS..=Self::MAX_HOURS).contains(&hours);
        if is_whole && fits { Ok(Self { hours }) } else { Err(wrong()) }
    }

    /// Compares the age of a key's latest version with the interval; `None` is an unknown age.
    #[must_use]
    pub fn compare(self, age: Option<Age>) -> Due {
        let every = Duration::from_secs(self.hours * HOUR);
        match age {
            None => Due::Unknown,
            Some(Age(age)) if age < every => Due::NotYet,
            Some(Age(age)) if age <= every + GRACE => Due::Due,
            Some(_) => Due::Overdue,
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

impl Age {
    /// Returns the time from `created` to `now`, both by Vault's clock; `None` if `created` is in
    /// the future by more than two nodes' clocks may differ.
    #[must_use]
    pub fn between(created: Timestamp, now: Timestamp) -> Option<Self> {
        let age = now.duration_since(created);
        if age < -CLOCK_TOLERANCE {
            return None;
        }
        Some(Self(Duration::try_from(age).unwrap_or_default()))
    }

    /// The whole seconds of it.
    #[must_use]
    pub fn as_secs(self) -> u64 {
        self.0.as_secs()
    }
}

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_secs() {
            seconds @ DAY.. => write!(f, "{}d", seconds / DAY),
            seconds @ HOUR.. => write!(f, "{}h", seconds / HOUR),
            _ => f.write_str("<1h"),
        }
    }
}

impl Due {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
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

    use super::{Age, Due, RotationInterval};

    #[test]
    fn an_interval_is_whole_hours_or_days() {
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
    fn nonsense_is_refused_with_the_form_that_is_taken() {
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
    fn a_key_is_due_from_its_interval_on_and_overdue_two_days_later() {
        let every = RotationInterval::parse("90d").expect("an interval");
        let created: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a time");
        let at = |hours| {
            let now = created + SignedDuration::from_hours(hours);
            every.compare(Age::between(created, now))
        };
        assert_eq!(at(0), Due::NotYet);
        assert_eq!(at(90 * 24 - 1), Due::NotYet);
        assert_eq!(at(90 * 24), Due::Due);
        assert_eq!(at(92 * 24), Due::Due);
        assert_eq!(at(92 * 24 + 1), Due::Overdue);
        assert_eq!(at(-1), Due::Unknown, "a date in the future is no age of zero");
    }

    #[test]
    fn two_nodes_clocks_may_differ_a_little() {
        let created: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a time");
        let before = |seconds| Age::between(created, created - SignedDuration::from_secs(seconds));
        assert_eq!(before(300).map(Age::as_secs), Some(0));
        assert_eq!(before(301), None);
    }

    proptest! {
        #[test]
        fn whatever_is_read_is_written_so_that_it_is_read_again(text in "[0-9]{0,9}[a-z ]{0,3}[0-9]{0,3}[hd]?") {
            if let Ok(interval) = RotationInterval::parse(&text) {
                prop_assert_eq!(RotationInterval::parse(&interval.to_string()), Ok(interval));
            }
        }
    }
}

//! The times at which a login is tried again.
//!
//! Vault counts failed logins of a user or a role, and locks it for everybody, correct credentials
//! included, after five of them; the count starts anew after 15 minutes without one. While it is
//! locked further logins count for nothing. These are the defaults of Vault and `OpenBao`
//! (<https://developer.hashicorp.com/vault/docs/concepts/user-lockout>).

use std::{
    path::Path,
    time::{Duration, Instant},
};

use tokio::time::{sleep, sleep_until};

use crate::vault::{
    error::Failure,
    file_change::{Stamp, file_change},
};

/// The shortest pause between two attempts.
const SHORTEST: Duration = Duration::from_millis(250);

/// The longest one after a failure that passes by itself, such as a broken connection.
const LONGEST: Duration = Duration::from_secs(5);

/// The longest one while Vault denies something that somebody has to change.
const LONGEST_DENIED: Duration = Duration::from_mins(1);

/// The time without a failed login after which Vault counts from one again.
const COUNTER_RESET: Duration = Duration::from_mins(15);

/// The pauses after the first refused credentials and after further ones. The second is longer than
/// [`COUNTER_RESET`], so that two instances with the same wrong secret id do not lock the role at
/// once, and one never does.
const REFUSED: [Duration; 2] = [Duration::from_mins(1), Duration::from_mins(16)];

/// How many refusals in a row a changed file may still be tried after: one fewer than it takes to
/// lock the role, so that a file which changes again and again does not.
const MOST_REFUSED: u32 = 3;

/// Decides when to try again.
#[derive(Debug)]
pub(super) struct Attempts {
    pause: Duration,
    refused: u32,
    last_refused: Option<Instant>,
}

/// The reason why a login failed, as far as it matters for the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hindrance {
    /// It passes by itself.
    Passing,
    /// Vault denies it until somebody changes something.
    Denied,
    /// Vault refuses the credentials, and counts how often.
    Refused,
}

/// A time during which no login is tried.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hold {
    until: Instant,
    change: Change,
}

/// Whether a change of the file with the credentials ends a hold.
#[derive(Clone, Copy, Debug)]
enum Change {
    /// It does, if the file is another than this one, which the credentials were read from.
    Ends(Option<Stamp>),
    /// It does not.
    Ignored,
}

impl Default for Attempts {
    fn default() -> Self {
        Self { pause: SHORTEST, refused: 0, last_refused: None }
    }
}

impl From<Failure> for Hindrance {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::LoginRefused => Self::Refused,
            Failure::LoginDenied
            | Failure::SecretIdSpent
            | Failure::OwnToken
            | Failure::NoNamespace
            | Failure::BadRequest => Self::Denied,
            _ => Self::Passing,
        }
    }
}

impl Attempts {
    /// The hold after a login that failed with the credentials from a file in this state.
    pub(super) fn failed(&mut self, hindrance: Hindrance, file: Option<Stamp>) -> Hold {
        let now = Instant::now();
        let pause = match hindrance {
            Hindrance::Passing => self.next_pause(LONGEST),
            Hindrance::Denied => self.next_pause(LONGEST_DENIED),
            Hindrance::Refused => self.refused(now),
        };
        let change = match hindrance {
            Hindrance::Refused if self.refused > MOST_REFUSED => Change::Ignored,
            _ => Change::Ends(file),
        };
        Hold { until: now + pause, change }
    }

    /// About the present pause; the next one is longer.
    fn next_pause(&mut self, longest: Duration) -> Duration {
        let pause = self.pause.min(longest);
        self.pause = longest.min(pause * 2);
        pause.mul_f64(rand::random_range(0.75..1.25))
    }

    fn refused(&mut self, now: Instant) -> Duration {
        let counts_on = self.last_refused.is_some_and(|last| now - last < COUNTER_RESET);
        self.refused = if counts_on { self.refused + 1 } else { 1 };
        let first = self.last_refused.replace(now).is_none();
        let pause = if first { REFUSED[0] } else { REFUSED[1] };
        pause.mul_f64(rand::random_range(1.0..1.25))
    }
}

impl Hold {
    /// Waits until it is over, in time or because this file has changed.
    pub(super) async fn over(self, file: Option<&Path>) {
        match self.change {
            Change::Ignored => sleep_until(self.until.into()).await,
            Change::Ends(seen) => tokio::select! {
                () = sleep_until(self.until.into()) => {}
                // Not faster than this, in case that the file changes all the time.
                () = async { sleep(SHORTEST).await; file_change(file, seen).await } => {}
            },
        }
    }

    /// Whether it is over by now, with the file in this state.
    pub(super) fn is_over(self, file: Option<Stamp>) -> bool {
        let changed = matches!(self.change, Change::Ends(seen) if file.is_some() && file != seen);
        changed || Instant::now() >= self.until
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant, SystemTime};

    use super::{Attempts, COUNTER_RESET, Hindrance, Hold};

    fn pause(hold: Hold) -> Duration {
        hold.until.saturating_duration_since(Instant::now())
    }

    #[test]
    fn refused_credentials_are_tried_too_seldom_to_lock_the_role() {
        let mut attempts = Attempts::default();
        let first = attempts.failed(Hindrance::Refused, None);
        assert!(pause(first) < Duration::from_mins(2));
        for _ in 0..20 {
            assert!(pause(attempts.failed(Hindrance::Refused, None)) > COUNTER_RESET);
        }
    }

    #[test]
    fn file_that_changes_all_the_time_does_not_lock_the_role() {
        let mut attempts = Attempts::default();
        let stamp = |length| Some((length, SystemTime::UNIX_EPOCH));
        let tried = (0..20).take_while(|&length| {
            let hold = attempts.failed(Hindrance::Refused, stamp(length));
            hold.is_over(stamp(length + 1))
        });
        // And one more, whose refusal ends it.
        assert_eq!(tried.count() + 1, 4);
    }

    #[test]
    fn unchanged_or_missing_file_is_no_reason_to_try() {
        let stamp = Some((1, SystemTime::UNIX_EPOCH));
        let hold = Attempts::default().failed(Hindrance::Refused, stamp);
        assert!(!hold.is_over(stamp) && !hold.is_over(None));
        assert!(hold.is_over(Some((2, SystemTime::UNIX_EPOCH))));
    }

    #[test]
    fn failures_that_pass_are_retried_within_seconds() {
        let mut attempts = Attempts::default();
        let pauses: Vec<_> =
            (0..20).map(|_| pause(attempts.failed(Hindrance::Passing, None))).collect();
        assert!(pauses[0] < Duration::from_secs(1), "{pauses:?}");
        assert!(pauses.iter().all(|pause| *pause < Duration::from_secs(7)), "{pauses:?}");
        let denied = (0..20).map(|_| pause(attempts.failed(Hindrance::Denied, None))).max();
        let longest = denied.expect("pauses");
        assert!((30..80).contains(&longest.as_secs()), "{longest:?}");
    }
}

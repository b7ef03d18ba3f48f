//! The times at which a failed login is tried again.
//!
//! Vault counts failed logins of a user or a role, and locks it for everyone, correct credentials
//! included, after five of them; the count restarts after 15 minutes without one. While it is locked
//! further logins are not counted. These are the defaults of Vault and `OpenBao`
//! (<https://developer.hashicorp.com/vault/docs/concepts/user-lockout>).
//!
//! That is why the delays are computed here and not by the retry library: they depend on the kind of
//! each failure, rejected credentials have delays of their own, which outlast Vault's counter, and a
//! changed credential file ends a delay early.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use tokio::time::{sleep, sleep_until};

use super::file_version::{FileVersion, wait_for_change};
use crate::vault::client::FailureKind;

/// The minimum delay between two logins.
const MIN_DELAY: Duration = Duration::from_millis(250);

/// The maximum delay after a transient failure, such as a broken connection.
const MAX_DELAY_TRANSIENT: Duration = Duration::from_secs(5);

/// The maximum delay while Vault denies the login until an operator changes something.
const MAX_DELAY_DENIED: Duration = Duration::from_mins(1);

/// The time without a failed login after which Vault restarts its count.
const COUNTER_RESET: Duration = Duration::from_mins(15);

/// The delays after the first rejected credentials and after further ones. The second is longer than
/// [`COUNTER_RESET`], so that two instances with the same wrong secret id do not lock the role at
/// once, and one alone never does.
const REJECTED_DELAYS: [Duration; 2] = [Duration::from_mins(1), Duration::from_mins(16)];

/// The number of rejections in a row after which a changed file still ends a delay: one fewer than
/// lock the role, so that a file which changes again and again does not lock it.
const MAX_REJECTIONS: u32 = 3;

/// Computes the delay before the next login.
#[derive(Debug)]
pub(super) struct LoginBackoff {
    delay: Duration,
    rejections: u32,
    last_rejection: Option<Instant>,
}

/// The kind of a failed login, as far as it matters for the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LoginFailure {
    /// It may succeed without a change.
    Transient,
    /// Vault denies it until an operator changes something.
    Denied,
    /// Vault rejects the credentials and counts how often.
    CredentialsRejected,
}

/// A time during which no login is tried.
#[derive(Clone, Copy, Debug)]
pub(super) struct LoginHold {
    until: Instant,
    file_change: FileChange,
}

/// The effect of a changed credential file on a hold.
#[derive(Clone, Copy, Debug)]
enum FileChange {
    /// Ends the hold, if the version is not this one, which the rejected credentials were read from.
    Ends(Option<FileVersion>),
    /// Does not end the hold.
    Ignored,
}

impl Default for LoginBackoff {
    fn default() -> Self {
        Self { delay: MIN_DELAY, rejections: 0, last_rejection: None }
    }
}

impl From<FailureKind> for LoginFailure {
    fn from(failure: FailureKind) -> Self {
        match failure {
            FailureKind::LoginCredentialsRejected => Self::CredentialsRejected,
            FailureKind::LoginDenied
            | FailureKind::SecretIdUnusable
            | FailureKind::TokenRejected
            | FailureKind::NamespaceNotFound
            | FailureKind::BadRequest => Self::Denied,
            _ => Self::Transient,
        }
    }
}

impl LoginBackoff {
    /// Returns the hold after a failed login with the credentials from this version of the file.
    pub(super) fn record_failure(
        &mut self,
        failure: LoginFailure,
        file: Option<FileVersion>,
    ) -> LoginHold {
        let now = Instant::now();
        let delay = match failure {
            LoginFailure::Transient => self.next_delay(MAX_DELAY_TRANSIENT),
            LoginFailure::Denied => self.next_delay(MAX_DELAY_DENIED),
            LoginFailure::CredentialsRejected => self.record_rejection(now),
        };
        let file_change = match failure {
            LoginFailure::CredentialsRejected if self.rejections > MAX_REJECTIONS => {
                FileChange::Ignored
            }
            _ => FileChange::Ends(file),
        };
        LoginHold { until: now + delay, file_change }
    }

    /// Returns the current delay, limited and with jitter, and doubles it for the next time.
    fn next_delay(&mut self, max: Duration) -> Duration {
        let delay = self.delay.min(max);
        self.delay = max.min(delay * 2);
        delay.mul_f64(rand::random_range(0.75..1.25))
    }

    fn record_rejection(&mut self, now: Instant) -> Duration {
        let is_counted = self.last_rejection.is_some_and(|last| now - last < COUNTER_RESET);
        self.rejections = if is_counted { self.rejections + 1 } else { 1 };
        let is_first = self.last_rejection.replace(now).is_none();
        let delay = if is_first { REJECTED_DELAYS[0] } else { REJECTED_DELAYS[1] };
        delay.mul_f64(rand::random_range(1.0..1.25))
    }
}

impl LoginHold {
    /// Waits until the hold ends, by time or because this file has changed.
    pub(super) async fn wait(self, file: Option<&Path>) {
        match self.file_change {
            FileChange::Ignored => sleep_until(self.until.into()).await,
            FileChange::Ends(seen) => tokio::select! {
                () = sleep_until(self.until.into()) => {}
                // The minimum delay also applies to a file that changes all the time.
                () = async { sleep(MIN_DELAY).await; wait_for_change(file, seen).await } => {}
            },
        }
    }

    /// Returns true if the hold has ended, with the file in this version.
    pub(super) fn has_ended(self, file: Option<FileVersion>) -> bool {
        let changed =
            matches!(self.file_change, FileChange::Ends(seen) if file.is_some() && file != seen);
        changed || Instant::now() >= self.until
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant, SystemTime};

    use super::{COUNTER_RESET, LoginBackoff, LoginFailure, LoginHold};

    fn delay(hold: LoginHold) -> Duration {
        hold.until.saturating_duration_since(Instant::now())
    }

    #[test]
    fn rejected_logins_do_not_lock_the_role() {
        let mut backoff = LoginBackoff::default();
        let first = backoff.record_failure(LoginFailure::CredentialsRejected, None);
        assert!(delay(first) < Duration::from_mins(2));
        for _ in 0..20 {
            let hold = backoff.record_failure(LoginFailure::CredentialsRejected, None);
            assert!(delay(hold) > COUNTER_RESET);
        }
    }

    #[test]
    fn changing_file_does_not_lock_the_role() {
        let mut backoff = LoginBackoff::default();
        let version = |length| Some((length, SystemTime::UNIX_EPOCH));
        let retried = (0..20).take_while(|&length| {
            let hold = backoff.record_failure(LoginFailure::CredentialsRejected, version(length));
            hold.has_ended(version(length + 1))
        });
        // And one more login, after whose rejection a changed file is ignored.
        assert_eq!(retried.count() + 1, 4);
    }

    #[test]
    fn unchanged_or_missing_file_does_not_end_hold() {
        let version = Some((1, SystemTime::UNIX_EPOCH));
        let mut backoff = LoginBackoff::default();
        let hold = backoff.record_failure(LoginFailure::CredentialsRejected, version);
        assert!(!hold.has_ended(version) && !hold.has_ended(None));
        assert!(hold.has_ended(Some((2, SystemTime::UNIX_EPOCH))));
    }

    #[test]
    fn transient_failures_are_retried_in_seconds() {
        let mut backoff = LoginBackoff::default();
        let delays: Vec<_> =
            (0..20).map(|_| delay(backoff.record_failure(LoginFailure::Transient, None))).collect();
        assert!(delays[0] < Duration::from_secs(1), "{delays:?}");
        assert!(delays.iter().all(|delay| *delay < Duration::from_secs(7)), "{delays:?}");
        let denied = |_| delay(backoff.record_failure(LoginFailure::Denied, None));
        let longest = (0..20).map(denied).max().expect("delays");
        assert!((30..80).contains(&longest.as_secs()), "{longest:?}");
    }
}

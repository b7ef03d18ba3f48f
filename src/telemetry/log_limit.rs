//! The limits on log lines that clients can cause.
//!
//! Each log has a limit of its own, in bytes, so that clients cannot suppress lines for operators.
//! Together they are below one megabyte per minute.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use super::record_omitted_lines;

/// The size of a line without the values of its fields, in bytes: time, level, message, target.
const LINE_OVERHEAD: usize = 170;

/// The size of a field without its value, in bytes: its name and punctuation.
const FIELD_OVERHEAD: usize = 18;

/// A log whose lines clients can cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitedLog {
    /// Denied requests of callers with a valid token.
    CallerDenials,
    /// Denied requests of anyone else.
    AnonymousDenials,
    /// Errors in the requirements of routes.
    Requirements,
    /// Other errors that an operator has to fix.
    Errors,
    /// Rejected requests of the API.
    Api,
    /// Failed and successful logins of people.
    Logins,
    /// Rejected requests of OAuth clients.
    OAuth,
    /// Rejected requests of the admin listener.
    Admin,
    /// Entries of the audit feed.
    Audit,
    /// Panics.
    Panics,
}

/// Each log with its label in metrics and the maximum number of bytes per minute.
const LOGS: [(LimitedLog, &str, u32); 10] = [
    (LimitedLog::CallerDenials, "denials", 250_000),
    (LimitedLog::AnonymousDenials, "anonymous_denials", 250_000),
    (LimitedLog::Requirements, "requirements", 80_000),
    (LimitedLog::Errors, "errors", 40_000),
    (LimitedLog::Api, "api", 120_000),
    (LimitedLog::Logins, "logins", 80_000),
    (LimitedLog::OAuth, "oauth", 40_000),
    (LimitedLog::Admin, "admin", 20_000),
    (LimitedLog::Audit, "audit", 10_000),
    (LimitedLog::Panics, "panics", 10_000),
];

static LIMITS: [LogLimit; LOGS.len()] = {
    let mut limits = [const { LogLimit::per_minute(0) }; LOGS.len()];
    let mut index = 0;
    while index < LOGS.len() {
        limits[index] = LogLimit::per_minute(LOGS[index].2);
        index += 1;
    }
    limits
};

impl LimitedLog {
    /// Returns the maximum number of bytes that this log grows by per minute.
    #[must_use]
    pub fn bytes_per_minute(self) -> u32 {
        LOGS[self as usize].2
    }

    /// Logs a line of about `size` bytes with `write`, or counts it as omitted if the limit is
    /// reached.
    pub fn log(self, size: usize, write: impl FnOnce()) {
        if LIMITS[self as usize].allows(size) {
            write();
        } else {
            self.omit();
        }
    }

    /// Counts a line that was omitted because of another limit.
    pub fn omit(self) {
        LIMITS[self as usize].omitted.fetch_add(1, Relaxed);
    }
}

/// Returns the approximate size of a line with these values, in bytes, in either format. It is not
/// less than the real size if no value contains control characters.
#[must_use]
pub fn line_size<'v>(values: impl IntoIterator<Item = &'v str>) -> usize {
    let escaped = |value: &str| {
        value.len() + value.bytes().filter(|byte| matches!(byte, b'"' | b'\\')).count()
    };
    values.into_iter().map(|value| escaped(value) + FIELD_OVERHEAD).sum::<usize>() + LINE_OVERHEAD
}

/// Logs how many lines were omitted since the last call, and counts them.
pub(super) fn report_omitted_lines() {
    for ((_, log, _), limit) in LOGS.iter().zip(&LIMITS) {
        let omitted = limit.omitted.swap(0, Relaxed);
        if omitted > 0 {
            record_omitted_lines(log, omitted);
            tracing::warn!(log, omitted, "log lines were omitted: their limit was reached");
        }
    }
}

/// A limit with a reserve: lines are logged as long as the reserve lasts, which is refilled at a
/// constant rate.
pub struct LogLimit {
    /// The size of the reserve.
    burst: f64,
    per_second: f64,
    reserve: Mutex<Reserve>,
    omitted: AtomicU64,
}

struct Reserve {
    /// The time of the last refill; `None` before the first line.
    refilled: Option<Instant>,
    left: f64,
}

impl LogLimit {
    /// Allows this number of bytes in any minute: a quarter of them at once.
    #[must_use]
    pub const fn per_minute(bytes: u32) -> Self {
        let bytes = bytes as f64;
        Self::new(bytes / 4.0, bytes * 3.0 / 4.0 / 60.0)
    }

    /// Allows one line per period, whatever its size.
    #[must_use]
    pub fn one_line_per(period: Duration) -> Self {
        Self::new(1.0, period.as_secs_f64().recip())
    }

    const fn new(burst: f64, per_second: f64) -> Self {
        let reserve = Mutex::new(Reserve { refilled: None, left: burst });
        Self { burst, per_second, reserve, omitted: AtomicU64::new(0) }
    }

    /// Returns true if a line of this size may be logged now.
    pub fn allows(&self, size: usize) -> bool {
        self.allows_at(size, Instant::now())
    }

    fn allows_at(&self, size: usize, now: Instant) -> bool {
        let mut reserve = self.reserve.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(refilled) = reserve.refilled {
            let elapsed = now.saturating_duration_since(refilled).as_secs_f64();
            reserve.left = elapsed.mul_add(self.per_second, reserve.left).min(self.burst);
        }
        reserve.refilled = Some(now);
        // A line has a few kilobytes at most.
        let size = f64::from(u32::try_from(size).unwrap_or(u32::MAX));
        let is_allowed = size <= reserve.left;
        if is_allowed {
            reserve.left -= size;
        }
        is_allowed
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{LOGS, LogLimit};

    #[test]
    fn logs_are_below_one_megabyte_per_minute() {
        for (index, (log, ..)) in LOGS.iter().enumerate() {
            assert_eq!(*log as usize, index, "the order of the table");
        }
        // The rest is for the lines about outages and omitted lines.
        assert!(LOGS.iter().map(|(.., bytes)| bytes).sum::<u32>() <= 900_000);
    }

    #[test]
    fn flood_is_limited_in_any_minute() {
        let (limit, start) = (LogLimit::per_minute(60_000), Instant::now());
        let flood = |from: u64| -> usize {
            let requests = (from..from + 60_000).step_by(10);
            let at = |millis| start + Duration::from_millis(millis);
            requests.filter(|millis| limit.allows_at(500, at(*millis))).count() * 500
        };
        let first = flood(0);
        assert!((55_000..=60_000).contains(&first), "{first}");
        assert!((40_000..=46_000).contains(&flood(60_000)));
        assert!((55_000..=60_000).contains(&flood(600_000)), "the reserve is full again");
    }

    #[test]
    fn trickle_is_never_limited() {
        let (limit, start) = (LogLimit::per_minute(250_000), Instant::now());
        for line in 0..10_000 {
            assert!(limit.allows_at(600, start + Duration::from_millis(200) * line), "{line}");
        }
    }

    #[test]
    fn one_line_per_period() {
        let (limit, start) = (LogLimit::one_line_per(Duration::from_secs(10)), Instant::now());
        let logged = |seconds| limit.allows_at(1, start + Duration::from_secs(seconds));
        assert_eq!(
            [0, 1, 9, 10, 11, 19, 21].map(logged),
            [true, false, false, true, false, false, true]
        );
    }
}

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use tracing::warn;

/// The maximum number of lines per second. A line has some 300 bytes, so that a flood of rejected
/// requests grows the log by less than 1 MB per minute.
const LINES_PER_SECOND: u32 = 50;

/// A limit on the log lines of one kind per period, with a count of the omitted ones.
pub(super) struct LogLimit {
    lines: u32,
    period: Duration,
    current: Mutex<Period>,
}

struct Period {
    /// The start of the period; `None` before the first line.
    start: Option<Instant>,
    logged: u32,
    omitted: u64,
}

/// The decision about a line.
#[derive(Debug, PartialEq, Eq)]
enum LineDecision {
    /// The line is logged, after this many omitted ones.
    Log { omitted: u64 },
    /// The line is omitted and counted.
    Omit,
}

impl LogLimit {
    /// Allows 50 lines per second.
    pub(super) const fn per_second() -> Self {
        Self::new(LINES_PER_SECOND, Duration::from_secs(1))
    }

    /// Allows this many lines per period.
    pub(super) const fn new(lines: u32, period: Duration) -> Self {
        let current = Mutex::new(Period { start: None, logged: 0, omitted: 0 });
        Self { lines, period, current }
    }

    /// Logs a line with `write`, unless the limit is reached. The first line after omitted ones is
    /// preceded by a line with their number.
    pub(super) fn log(&self, write: impl FnOnce()) {
        let LineDecision::Log { omitted } = self.decide(Instant::now()) else {
            return;
        };
        if omitted > 0 {
            warn!(
                omitted,
                "lines like the next one were omitted: the limit per second was reached"
            );
        }
        write();
    }

    /// Decides whether a line may be logged now.
    fn decide(&self, now: Instant) -> LineDecision {
        let mut period = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let elapsed = period.start.map(|start| now.saturating_duration_since(start));
        if elapsed.is_none_or(|elapsed| elapsed >= self.period) {
            period.start = Some(now);
            period.logged = 0;
        }
        if period.logged == self.lines {
            period.omitted += 1;
            return LineDecision::Omit;
        }
        period.logged += 1;
        LineDecision::Log { omitted: std::mem::take(&mut period.omitted) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{LINES_PER_SECOND, LineDecision, LogLimit};

    #[test]
    fn omitted_lines_are_counted() {
        let (limit, start) = (LogLimit::per_second(), Instant::now());
        for _ in 0..LINES_PER_SECOND {
            assert_eq!(limit.decide(start), LineDecision::Log { omitted: 0 });
        }
        for _ in 0..1000 {
            assert_eq!(limit.decide(start + Duration::from_millis(999)), LineDecision::Omit);
        }
        let later = start + Duration::from_secs(1);
        assert_eq!(limit.decide(later), LineDecision::Log { omitted: 1000 });
        assert_eq!(limit.decide(later), LineDecision::Log { omitted: 0 });
    }
}

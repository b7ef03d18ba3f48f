use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use tracing::warn;

/// How many lines are logged within one second. A line has some 300 bytes, so that a flood of
/// refused requests grows the log by less than 1 MB a minute.
const LINES_PER_SECOND: u32 = 50;

/// Limits how many lines of one kind are logged in a period, and counts those that are left out.
pub(super) struct LogLimit {
    lines: u32,
    period: Duration,
    current: Mutex<Period>,
}

struct Period {
    /// When it began; `None` before the first line.
    start: Option<Instant>,
    logged: u32,
    omitted: u64,
}

/// What becomes of a line.
#[derive(Debug, PartialEq, Eq)]
enum Line {
    /// It is logged; so many before it were not.
    Logged { omitted: u64 },
    /// It is counted.
    Omitted,
}

impl LogLimit {
    /// Allows 50 lines a second.
    pub(super) const fn per_second() -> Self {
        Self::new(LINES_PER_SECOND, Duration::from_secs(1))
    }

    /// Allows so many lines in each period.
    pub(super) const fn new(lines: u32, period: Duration) -> Self {
        let current = Mutex::new(Period { start: None, logged: 0, omitted: 0 });
        Self { lines, period, current }
    }

    /// Logs a line with `write`, unless there were too many. The first one after some that were
    /// left out is preceded by a line with their number.
    pub(super) fn log(&self, write: impl FnOnce()) {
        let Line::Logged { omitted } = self.line(Instant::now()) else {
            return;
        };
        if omitted > 0 {
            warn!(omitted, "lines such as the next one were not logged: there were too many");
        }
        write();
    }

    /// Counts a line that could be logged now.
    fn line(&self, now: Instant) -> Line {
        let mut period = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let elapsed = period.start.map(|start| now.saturating_duration_since(start));
        if elapsed.is_none_or(|elapsed| elapsed >= self.period) {
            period.start = Some(now);
            period.logged = 0;
        }
        if period.logged == self.lines {
            period.omitted += 1;
            return Line::Omitted;
        }
        period.logged += 1;
        Line::Logged { omitted: std::mem::take(&mut period.omitted) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{LINES_PER_SECOND, Line, LogLimit};

    #[test]
    fn lines_beyond_the_limit_are_counted_and_told_of_later() {
        let (limit, start) = (LogLimit::per_second(), Instant::now());
        for _ in 0..LINES_PER_SECOND {
            assert_eq!(limit.line(start), Line::Logged { omitted: 0 });
        }
        for _ in 0..1000 {
            assert_eq!(limit.line(start + Duration::from_millis(999)), Line::Omitted);
        }
        let later = start + Duration::from_secs(1);
        assert_eq!(limit.line(later), Line::Logged { omitted: 1000 });
        assert_eq!(limit.line(later), Line::Logged { omitted: 0 });
    }
}

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How many lines are logged within one second. A line has some 300 bytes, so that a flood of
/// refused requests grows the log by less than 1 MB a minute.
const LINES_PER_SECOND: u32 = 50;

/// Limits how many lines of one kind are logged per second, and counts those that are left out.
pub(super) struct LogLimit(Mutex<Second>);

struct Second {
    /// When it began; `None` before the first line.
    start: Option<Instant>,
    logged: u32,
    omitted: u64,
}

/// What becomes of a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// It is logged; so many before it were not.
    Logged { omitted: u64 },
    /// It is counted.
    Omitted,
}

impl LogLimit {
    pub(super) const fn new() -> Self {
        Self(Mutex::new(Second { start: None, logged: 0, omitted: 0 }))
    }

    /// Counts a line that could be logged now.
    pub(super) fn line(&self, now: Instant) -> Line {
        let mut second = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let elapsed = second.start.map(|start| now.saturating_duration_since(start));
        if elapsed.is_none_or(|elapsed| elapsed >= Duration::from_secs(1)) {
            second.start = Some(now);
            second.logged = 0;
        }
        if second.logged == LINES_PER_SECOND {
            second.omitted += 1;
            return Line::Omitted;
        }
        second.logged += 1;
        Line::Logged { omitted: std::mem::take(&mut second.omitted) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{LINES_PER_SECOND, Line, LogLimit};

    #[test]
    fn lines_beyond_the_limit_are_counted_and_told_of_later() {
        let (limit, start) = (LogLimit::new(), Instant::now());
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

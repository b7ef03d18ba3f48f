use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// The minimum time between two reports of the same error.
const PERIOD: Duration = Duration::from_mins(10);

/// A limit on the reports of each error, with a count of the omitted ones. An error is a place in the
/// source code with a code, so there are not more of them than the program has such places.
#[derive(Default)]
pub(super) struct ReportLimit {
    errors: Mutex<HashMap<String, LastReport>>,
}

struct LastReport {
    time: Instant,
    omitted: u64,
}

impl ReportLimit {
    /// Returns the number of omitted reports of this error since its last one, if one is due now;
    /// otherwise counts this one as omitted.
    pub(super) fn admit(&self, error: String, now: Instant) -> Option<u64> {
        let mut errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
        match errors.entry(error) {
            Entry::Vacant(entry) => {
                entry.insert(LastReport { time: now, omitted: 0 });
                Some(0)
            }
            Entry::Occupied(mut entry) => {
                let last = entry.get_mut();
                if now.saturating_duration_since(last.time) < PERIOD {
                    last.omitted += 1;
                    return None;
                }
                last.time = now;
                Some(std::mem::take(&mut last.omitted))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{PERIOD, ReportLimit};

    #[test]
    fn repeated_error_is_reported_once_per_period() {
        let (limit, start) = (ReportLimit::default(), Instant::now());
        let admit = |error: &str, time| limit.admit(error.to_owned(), time);
        assert_eq!(admit("a", start), Some(0));
        let before_end = start + Duration::from_secs(599);
        for _ in 0..1000 {
            assert_eq!(admit("a", before_end), None);
        }
        assert_eq!(admit("b", before_end), Some(0), "another error is not affected");
        assert_eq!(admit("a", start + PERIOD), Some(1000));
        assert_eq!(admit("a", start + PERIOD), None);
        assert_eq!(admit("a", start + 2 * PERIOD), Some(1));
    }
}

use std::{
    collections::VecDeque,
    iter,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use tokio::time::sleep;

use super::MetricsSample;
use crate::wall_clock;

/// The number of minutes that are kept.
const MINUTES: usize = 60;

/// The metrics at the end of each minute of the last hour.
#[derive(Debug, Default)]
pub struct MetricsHistory(Mutex<VecDeque<(Timestamp, MetricsSample)>>);

/// The metrics of the last hour, as far as the service was running.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecentMetrics {
    /// The changes in each minute, oldest first. The last one is the current, unfinished minute.
    pub minutes: Vec<RecentMinute>,
    /// The changes in all of these minutes.
    pub total: MetricsSample,
}

/// The metrics of one minute.
#[derive(Clone, Debug, PartialEq)]
pub struct RecentMinute {
    /// The start of the minute.
    pub start: Timestamp,
    /// The changes in it.
    pub changes: MetricsSample,
}

impl MetricsHistory {
    /// Records the present metrics. To be called at the start of each minute.
    pub fn record(&self, sample: MetricsSample) {
        self.record_at(wall_clock::now(), sample);
    }

    /// Waits until the next minute starts.
    pub async fn wait_for_minute(&self) {
        let second = wall_clock::now().as_second().rem_euclid(60);
        sleep(Duration::from_secs(60 - second.unsigned_abs())).await;
    }

    fn record_at(&self, time: Timestamp, sample: MetricsSample) {
        let mut samples = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        samples.push_back((time, sample));
        if samples.len() > MINUTES {
            samples.pop_front();
        }
    }

    /// Returns the last hour, which ends with these metrics.
    #[must_use]
    pub fn until(&self, now: &MetricsSample) -> RecentMetrics {
        let samples = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ends = samples.iter().skip(1).map(|(_, sample)| sample).chain(iter::once(now));
        let minutes = samples
            .iter()
            .zip(ends)
            .map(|((start, sample), end)| RecentMinute {
                start: *start,
                changes: end.since(sample),
            })
            .collect();
        let total = samples.front().map(|(_, first)| now.since(first)).unwrap_or_default();
        RecentMetrics { minutes, total }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{MINUTES, MetricsHistory};
    use crate::telemetry::recent::{Counts, MetricsSample};

    fn sample(allowed: u64) -> MetricsSample {
        let decisions = Counts::from([("ok".to_owned(), allowed)]);
        MetricsSample { decisions, ..MetricsSample::default() }
    }

    fn minute(number: usize) -> Timestamp {
        let second = i64::try_from(number * 60).unwrap();
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn minutes_have_their_own_changes() {
        let history = MetricsHistory::default();
        assert!(history.until(&sample(7)).minutes.is_empty());
        for (number, allowed) in [0, 5, 5, 9].into_iter().enumerate() {
            history.record_at(minute(number), sample(allowed));
        }
        let recent = history.until(&sample(10));
        let allowed = |changes: &MetricsSample| changes.decisions.get("ok").copied();
        let minutes: Vec<_> =
            recent.minutes.iter().map(|minute| allowed(&minute.changes)).collect();
        assert_eq!(minutes, [Some(5), None, Some(4), Some(1)]);
        assert_eq!(recent.minutes[2].start, minute(2));
        assert_eq!(allowed(&recent.total), Some(10));
    }

    #[test]
    fn only_the_last_hour_is_kept() {
        let history = MetricsHistory::default();
        for number in 0..100 {
            history.record_at(minute(number), sample(u64::try_from(number).unwrap()));
        }
        let recent = history.until(&sample(100));
        assert_eq!((recent.minutes.len(), recent.minutes[0].start), (MINUTES, minute(40)));
        assert_eq!(recent.total, sample(60));
    }
}

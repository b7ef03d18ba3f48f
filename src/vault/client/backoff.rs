//! Delays between the attempts of a retry: exponential, with jitter.
//!
//! The delays are backon's. Its own jitter only lengthens a delay; here it also shortens it, so
//! that the mean stays the nominal delay.

use std::time::Duration;

use backon::{Backoff, BackoffBuilder, ExponentialBuilder};

/// The largest part of a delay that jitter adds or takes away.
const JITTER: f64 = 0.5;

/// Returns the delays before a number of retries: the first about `first` long, and each twice as
/// long as the one before. Jitter makes each longer or shorter by up to a half, so that two callers
/// whose requests collided do not collide again.
pub(in crate::vault) fn backoff_delays(first: Duration, number: u32) -> impl Backoff {
    let delays = ExponentialBuilder::new().with_min_delay(first).without_max_delay();
    delays.with_max_times(number as usize).build().map(with_jitter)
}

/// Returns an endless sequence of delays, for retries that are limited by time. The first is about
/// `first` long, each is twice as long as the one before, and none nominally longer than `longest`.
/// Each has the same jitter as those for a number of retries.
pub(in crate::vault) fn endless_backoff_delays(longest: Duration, first: Duration) -> impl Backoff {
    let delays = ExponentialBuilder::new().with_min_delay(first).with_max_delay(longest);
    delays.without_max_times().build().map(with_jitter)
}

fn with_jitter(delay: Duration) -> Duration {
    delay.mul_f64(rand::random_range(1.0 - JITTER..1.0 + JITTER))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{backoff_delays, endless_backoff_delays};

    #[test]
    fn delays_double_and_differ() {
        let first = Duration::from_millis(100);
        let nominal = [100, 200, 400, 800].map(Duration::from_millis);
        let mut differ = false;
        for _ in 0..100 {
            let delays: Vec<_> = backoff_delays(first, 4).collect();
            assert_eq!(delays.len(), 4);
            for (delay, nominal) in delays.iter().zip(nominal) {
                assert!((nominal / 2..nominal * 3 / 2).contains(delay), "{delay:?}");
            }
            differ |= delays[0].abs_diff(first) > first / 4;
        }
        assert!(differ);
    }

    #[test]
    fn endless_delays_stop_growing() {
        let [first, longest] = [20, 100].map(Duration::from_millis);
        let nominal = [20, 40, 80, 100, 100, 100].map(Duration::from_millis);
        for (delay, nominal) in endless_backoff_delays(longest, first).zip(nominal) {
            assert!((nominal / 2..nominal * 3 / 2).contains(&delay), "{delay:?}");
        }
        assert_eq!(endless_backoff_delays(longest, first).take(1000).count(), 1000);
    }
}

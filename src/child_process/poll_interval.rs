use std::time::Duration;

/// The maximum delay after failures, unless the interval itself is longer.
const MAX_DELAY: Duration = Duration::from_mins(1);

/// The delays of a periodic task: its interval, doubled after each failure.
pub(crate) struct PollInterval {
    interval: Duration,
    current: Duration,
}

impl PollInterval {
    /// Creates delays that start at this interval.
    pub(crate) fn new(interval: Duration) -> Self {
        Self { interval, current: interval }
    }

    /// Returns the current delay with a random jitter of up to a quarter.
    pub(crate) fn delay(&self) -> Duration {
        self.current.mul_f64(rand::random_range(0.75..1.25))
    }

    /// Resets the delay to the interval, after a success.
    pub(crate) fn reset(&mut self) {
        self.current = self.interval;
    }

    /// Doubles the delay, up to the maximum, after a failure.
    pub(crate) fn increase(&mut self) {
        self.current = (2 * self.current).min(MAX_DELAY.max(self.interval));
    }
}

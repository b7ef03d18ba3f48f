use std::time::Duration;

/// The longest pause while something goes wrong, unless the interval is longer.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// The pauses of something that is done at an interval, and more and more rarely while it fails.
pub(super) struct Pauses {
    interval: Duration,
    current: Duration,
}

impl Pauses {
    /// Begins with this interval.
    pub(super) fn new(interval: Duration) -> Self {
        Self { interval, current: interval }
    }

    /// Returns the present pause, a quarter longer or shorter at random.
    pub(super) fn current(&self) -> Duration {
        self.current.mul_f64(rand::random_range(0.75..1.25))
    }

    /// Goes back to the interval.
    pub(super) fn succeeded(&mut self) {
        self.current = self.interval;
    }

    /// Doubles the pause, up to the longest.
    pub(super) fn failed(&mut self) {
        self.current = (2 * self.current).min(LONGEST_PAUSE.max(self.interval));
    }
}

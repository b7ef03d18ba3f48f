use std::{
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::{Duration, Instant},
};

/// A duration in whole milliseconds, rounded down, at most 49 days. It has four bytes, and is compared in one
/// instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Millis(u32);

/// Such a duration that can be changed.
#[derive(Debug)]
pub(super) struct AtomicMillis(AtomicU32);

impl Millis {
    pub(super) fn of(time: Duration) -> Self {
        let millis =
            time.as_secs().saturating_mul(1000).saturating_add(time.subsec_millis().into());
        Self(u32::try_from(millis).unwrap_or(u32::MAX))
    }

    /// Returns the time from the first to the second.
    pub(super) fn between(start: Instant, end: Instant) -> Self {
        Self::of(end.saturating_duration_since(start))
    }
}

impl From<Millis> for Duration {
    fn from(Millis(millis): Millis) -> Self {
        Self::from_millis(millis.into())
    }
}

impl AtomicMillis {
    pub(super) fn new(time: Duration) -> Self {
        let Millis(millis) = Millis::of(time);
        Self(AtomicU32::new(millis))
    }

    pub(super) fn get(&self) -> Millis {
        Millis(self.0.load(Relaxed))
    }

    pub(super) fn set(&self, time: Duration) {
        let Millis(millis) = Millis::of(time);
        self.0.store(millis, Relaxed);
    }
}

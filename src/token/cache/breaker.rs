use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Instant,
};

use tokio::sync::watch;

/// A circuit breaker for Vault: while it is open, entries that may be served stale are served
/// without waiting for a timeout each.
///
/// It opens when a call times out and Vault has responded to no other call meanwhile, and closes at
/// the next response, whatever its status.
pub(super) struct CircuitBreaker {
    created: Instant,
    /// The time of the last response, in milliseconds since `created`.
    last_response: AtomicU64,
    open: watch::Sender<bool>,
}

impl CircuitBreaker {
    pub(super) fn new() -> Self {
        Self {
            created: Instant::now(),
            last_response: AtomicU64::new(0),
            open: watch::Sender::new(false),
        }
    }

    pub(super) fn is_open(&self) -> bool {
        *self.open.borrow()
    }

    /// Waits until the breaker is open.
    pub(super) async fn opened(&self) {
        // The borrow keeps the sender alive, so this cannot fail.
        let _ = self.open.subscribe().wait_for(|open| *open).await;
    }

    /// Records a response of Vault.
    pub(super) fn record_response(&self) {
        self.last_response.store(self.millis(Instant::now()), Relaxed);
        self.open.send_if_modified(|open| std::mem::replace(open, false));
    }

    /// Records that a call made at `started_at` timed out. Returns true if that opened the breaker.
    pub(super) fn record_timeout(&self, started_at: Instant) -> bool {
        self.last_response.load(Relaxed) <= self.millis(started_at)
            && self.open.send_if_modified(|open| !std::mem::replace(open, true))
    }

    fn millis(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.created).as_millis();
        u64::try_from(since).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::CircuitBreaker;

    #[test]
    fn timeout_opens_and_response_closes() {
        let breaker = CircuitBreaker::new();
        let later = Instant::now() + Duration::from_millis(5);
        assert!(!breaker.is_open());
        assert!(breaker.record_timeout(later) && breaker.is_open());
        assert!(!breaker.record_timeout(later), "already open");
        breaker.record_response();
        assert!(!breaker.is_open());
    }

    #[tokio::test]
    async fn response_to_another_call_keeps_it_closed() {
        let breaker = CircuitBreaker::new();
        let started_at = Instant::now();
        tokio::time::sleep(Duration::from_millis(5)).await;
        breaker.record_response();
        assert!(!breaker.record_timeout(started_at) && !breaker.is_open());
    }
}

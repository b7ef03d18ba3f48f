use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Instant,
};

use tokio::sync::watch;

/// Notices that Vault no longer answers, so that tokens whose entries may be served stale need not
/// wait for a timeout each.
///
/// It opens when a call has waited for its whole timeout and Vault has answered no other call
/// meanwhile, and closes at the next answer, whatever that says.
pub(super) struct CircuitBreaker {
    created: Instant,
    /// The time of the last answer, in milliseconds since `created`.
    answered: AtomicU64,
    open: watch::Sender<bool>,
}

impl CircuitBreaker {
    pub(super) fn new() -> Self {
        Self {
            created: Instant::now(),
            answered: AtomicU64::new(0),
            open: watch::Sender::new(false),
        }
    }

    pub(super) fn is_open(&self) -> bool {
        *self.open.borrow()
    }

    /// Completes as soon as the breaker is open.
    pub(super) async fn opened(&self) {
        // The sender lives as long as this borrow of it.
        let _ = self.open.subscribe().wait_for(|open| *open).await;
    }

    /// Records that Vault has answered a call.
    pub(super) fn record_answer(&self) {
        self.answered.store(self.millis(Instant::now()), Relaxed);
        self.open.send_if_modified(|open| std::mem::replace(open, false));
    }

    /// Records that a call made at `asked` has had no answer within its timeout. Returns whether
    /// that opened the breaker.
    pub(super) fn record_timeout(&self, asked: Instant) -> bool {
        self.answered.load(Relaxed) <= self.millis(asked)
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
    fn opens_on_a_timeout_without_any_answer_and_closes_on_one() {
        let breaker = CircuitBreaker::new();
        let later = Instant::now() + Duration::from_millis(5);
        assert!(!breaker.is_open());
        assert!(breaker.record_timeout(later) && breaker.is_open());
        assert!(!breaker.record_timeout(later), "it is open already");
        breaker.record_answer();
        assert!(!breaker.is_open());
    }

    #[tokio::test]
    async fn stays_closed_if_vault_answered_another_call_meanwhile() {
        let breaker = CircuitBreaker::new();
        let asked = Instant::now();
        tokio::time::sleep(Duration::from_millis(5)).await;
        breaker.record_answer();
        assert!(!breaker.record_timeout(asked) && !breaker.is_open());
    }
}

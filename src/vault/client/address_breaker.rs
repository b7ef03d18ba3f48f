use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};

/// The nominal time for which the breaker stays open before one request may probe the address.
const OPEN_TIME: Duration = Duration::from_secs(1);

/// The circuit breaker of one address.
///
/// It opens when a request gets no response and the address has responded to no other one meanwhile.
/// After a second it is half-open: one request may probe the address, and one more each second. It
/// closes at the next response, whatever its status.
pub(super) struct AddressBreaker {
    created: Instant,
    /// The time of the last response, in milliseconds since `created`.
    last_response: AtomicU64,
    /// The time at which the breaker becomes half-open; 0 while it is closed.
    half_open_at: AtomicU64,
}

impl AddressBreaker {
    pub(super) fn new() -> Self {
        Self {
            created: Instant::now(),
            last_response: AtomicU64::new(0),
            half_open_at: AtomicU64::new(0),
        }
    }

    /// Returns true if the breaker is open or half-open.
    pub(super) fn is_open(&self) -> bool {
        self.half_open_at.load(Relaxed) != 0
    }

    /// Returns true if a request may be sent: the breaker is closed, or it is half-open and the request
    /// is its probe.
    pub(super) fn admits(&self) -> bool {
        let at = self.half_open_at.load(Relaxed);
        if at == 0 {
            return true;
        }
        let now = self.millis(Instant::now());
        let next = now + open_millis();
        now >= at && self.half_open_at.compare_exchange(at, next, Relaxed, Relaxed).is_ok()
    }

    /// Records a response.
    pub(super) fn record_response(&self) {
        self.last_response.store(self.millis(Instant::now()), Relaxed);
        self.half_open_at.store(0, Relaxed);
    }

    /// Records that a request which was sent at `started_at` has no response.
    pub(super) fn record_failure(&self, started_at: Instant) {
        if self.last_response.load(Relaxed) <= self.millis(started_at) {
            let at = self.millis(Instant::now()) + open_millis();
            self.half_open_at.store(at, Relaxed);
        }
    }

    fn millis(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.created).as_millis();
        u64::try_from(since).unwrap_or(u64::MAX)
    }
}

/// Returns the time until the next probe, with jitter, so that instances do not probe together. It is
/// never 0.
fn open_millis() -> u64 {
    let time = OPEN_TIME.mul_f64(rand::random_range(0.75..1.25));
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::Ordering::Relaxed,
        time::{Duration, Instant},
    };

    use tokio::time::sleep;

    use super::AddressBreaker;

    #[test]
    fn failure_opens_and_response_closes() {
        let breaker = AddressBreaker::new();
        assert!(breaker.admits() && !breaker.is_open());
        breaker.record_failure(Instant::now());
        assert!(breaker.is_open() && !breaker.admits());
        breaker.record_response();
        assert!(breaker.admits() && !breaker.is_open());
    }

    #[tokio::test]
    async fn half_open_breaker_admits_one_probe() {
        let breaker = AddressBreaker::new();
        breaker.record_failure(Instant::now());
        breaker.half_open_at.store(1, Relaxed);
        sleep(Duration::from_millis(5)).await;
        assert_eq!([breaker.admits(), breaker.admits()], [true, false]);
        assert!(breaker.is_open());
    }

    #[tokio::test]
    async fn response_to_another_request_keeps_it_closed() {
        let breaker = AddressBreaker::new();
        let started_at = Instant::now();
        sleep(Duration::from_millis(5)).await;
        breaker.record_response();
        breaker.record_failure(started_at);
        assert!(!breaker.is_open());
    }
}

//! Waiting for a condition instead of for a time.

use std::time::{Duration, Instant};

/// Repeats `attempt` until it yields a value.
///
/// # Panics
/// If `deadline` has passed; the message names `what`.
pub async fn eventually<T>(
    deadline: Duration,
    what: &str,
    mut attempt: impl AsyncFnMut() -> Option<T>,
) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = attempt().await {
            return value;
        }
        assert!(start.elapsed() < deadline, "not within {deadline:?}: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

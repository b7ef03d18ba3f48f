use std::{convert::Infallible, hash::Hash, sync::Arc, time::Instant};

use moka::future::Cache;

/// Coalesces concurrent calls with the same key: they share one execution and its result.
pub(super) struct SingleFlight<K>(Cache<K, Infallible>);

/// The result of a shared call.
pub(super) struct FlightResult<T> {
    /// The time at which the call began.
    pub(super) started_at: Instant,
    pub(super) value: T,
}

impl<K: Hash + Eq + Send + Sync + 'static> SingleFlight<K> {
    /// Creates an empty set. More than `capacity` concurrent calls may not be coalesced.
    pub(super) fn new(capacity: u64) -> Self {
        Self(Cache::new(capacity))
    }

    /// Waits for the call in flight with this key, or makes this call if there is none.
    ///
    /// To moka the result is an error, since concurrent callers share errors and moka does not
    /// cache them.
    pub(super) async fn run<T: Send + Sync + 'static>(
        &self,
        key: K,
        call: impl Future<Output = T>,
    ) -> Arc<FlightResult<T>> {
        let flight = async {
            let started_at = Instant::now();
            Err(FlightResult { started_at, value: call.await })
        };
        match self.0.try_get_with(key, flight).await {
            Ok(never) => match never {},
            Err(flight) => flight,
        }
    }
}

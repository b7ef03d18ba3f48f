use std::{convert::Infallible, hash::Hash, sync::Arc, time::Instant};

use moka::future::Cache;

/// Questions that are under way. Who asks one of them again waits for the same answer.
pub(super) struct Flights<Q>(Cache<Q, Infallible>);

/// A question that was put once, and its answer.
pub(super) struct Flight<A> {
    pub(super) asked: Instant,
    pub(super) answer: A,
}

impl<Q: Hash + Eq + Send + Sync + 'static> Flights<Q> {
    /// None is under way. More of them than this would not be known as such.
    pub(super) fn new(capacity: u64) -> Self {
        Self(Cache::new(capacity))
    }

    /// The answer to this question, which comes in this way if it is not under way already.
    ///
    /// To the cache it is a failure, which concurrent callers share and which is not kept.
    pub(super) async fn join<A: Send + Sync + 'static>(
        &self,
        question: Q,
        answer: impl Future<Output = A>,
    ) -> Arc<Flight<A>> {
        let flight = async {
            let asked = Instant::now();
            Err(Flight { asked, answer: answer.await })
        };
        match self.0.try_get_with(question, flight).await {
            Ok(never) => match never {},
            Err(flight) => flight,
        }
    }
}

use std::{sync::Arc, time::Duration};

use moka::sync::Cache;

/// Joins Vault's responses with its audit entries about them, by the id of the request. Either may arrive
/// first, and waits for the other for a limited time.
pub struct AuditJoin<E, R> {
    entries: Cache<Arc<str>, E>,
    responses: Cache<Arc<str>, R>,
}

impl<E, R> AuditJoin<E, R>
where
    E: Clone + Send + Sync + 'static,
    R: Clone + Send + Sync + 'static,
{
    /// Creates a join in which at most `capacity` entries, and as many responses, wait for this time.
    #[must_use]
    pub fn new(wait: Duration, capacity: u64) -> Self {
        Self { entries: waiting(wait, capacity), responses: waiting(wait, capacity) }
    }

    /// Adds what an audit entry says. Returns what is known of the response, if it has arrived.
    pub fn add_entry(&self, request_id: &str, entry: E) -> Option<R> {
        self.entries.insert(request_id.into(), entry);
        let response = self.responses.remove(request_id);
        if response.is_some() {
            self.entries.invalidate(request_id);
        }
        response
    }

    /// Adds what is known of a response. Returns what its audit entry says, if it has arrived.
    pub fn add_response(&self, request_id: &str, response: R) -> Option<E> {
        self.responses.insert(request_id.into(), response);
        let entry = self.entries.remove(request_id);
        if entry.is_some() {
            self.responses.invalidate(request_id);
        }
        entry
    }
}

fn waiting<V>(wait: Duration, capacity: u64) -> Cache<Arc<str>, V>
where
    V: Clone + Send + Sync + 'static,
{
    Cache::builder().max_capacity(capacity).time_to_live(wait).build()
}

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::BoxFuture;
use moka::sync::Cache;
use tokio::time::{sleep, timeout};

use crate::token::{FeedCoverage, Unavailable};

/// The pause between two heartbeats.
const INTERVAL: Duration = Duration::from_secs(2);

/// The maximum time for the response to a heartbeat.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(2);

/// The time for which one of the two, the response or its audit entry, waits for the other.
const JOIN_TIMEOUT: Duration = Duration::from_secs(10);

/// The maximum number of entries that wait for a response: those of other clients do so in vain.
const MAX_WAITING: u64 = 10_000;

/// A source of requests whose audit entries prove that the feed works.
pub trait HeartbeatSender: Send + Sync + 'static {
    /// Sends a request that the active node of Vault responds to, and returns the id that Vault gave it.
    fn send_heartbeat(&self) -> BoxFuture<'_, Result<String, Unavailable>>;
}

/// The heartbeats of the feed: requests to Vault, each of which proves, when its audit entry arrives, that
/// every entry from before it has arrived.
pub(super) struct Heartbeats {
    /// The ids in audit entries whose response has not arrived.
    delivered: Cache<String, ()>,
    /// The times at which requests were sent whose entry has not arrived, by their ids.
    sent: Cache<String, Instant>,
}

impl Heartbeats {
    pub(super) fn new() -> Self {
        let sent = Cache::builder().max_capacity(MAX_WAITING).time_to_live(JOIN_TIMEOUT);
        let delivered = Cache::builder().max_capacity(MAX_WAITING).time_to_live(JOIN_TIMEOUT);
        Self { delivered: delivered.build(), sent: sent.build() }
    }

    /// Adds the id in an audit entry.
    pub(super) fn deliver(&self, id: &str, coverage: &FeedCoverage) {
        self.delivered.insert(id.to_owned(), ());
        if let Some(sent_at) = self.sent.remove(id) {
            coverage.confirm(sent_at);
        }
    }

    /// Adds the id in the response to a request.
    fn respond(&self, id: &str, sent_at: Instant, coverage: &FeedCoverage) {
        self.sent.insert(id.to_owned(), sent_at);
        if self.delivered.remove(id).is_some() {
            self.sent.invalidate(id);
            coverage.confirm(sent_at);
        }
    }

    /// Sends heartbeats, without end.
    pub(super) async fn run(&self, sender: Arc<dyn HeartbeatSender>, coverage: &FeedCoverage) {
        loop {
            let sent_at = Instant::now();
            if let Ok(Ok(id)) = timeout(RESPONSE_TIMEOUT, sender.send_heartbeat()).await {
                self.respond(&id, sent_at, coverage);
            }
            sleep(INTERVAL).await;
        }
    }
}

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::BoxFuture;
use tokio::time::{sleep, timeout};

use crate::token::{AuditJoin, FeedCoverage, Unavailable};

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
/// every entry from before it has arrived. A response is kept as the time at which its request was sent.
pub(super) struct Heartbeats(AuditJoin<(), Instant>);

impl Heartbeats {
    pub(super) fn new() -> Self {
        Self(AuditJoin::new(JOIN_TIMEOUT, MAX_WAITING))
    }

    /// Adds the id in an audit entry.
    pub(super) fn deliver(&self, id: &str, coverage: &FeedCoverage) {
        if let Some(sent_at) = self.0.add_entry(id, ()) {
            coverage.confirm(sent_at);
        }
    }

    /// Sends heartbeats, without end.
    pub(super) async fn run(&self, sender: Arc<dyn HeartbeatSender>, coverage: &FeedCoverage) {
        loop {
            let sent_at = Instant::now();
            if let Ok(Ok(id)) = timeout(RESPONSE_TIMEOUT, sender.send_heartbeat()).await
                && self.0.add_response(&id, sent_at).is_some()
            {
                coverage.confirm(sent_at);
            }
            sleep(INTERVAL).await;
        }
    }
}

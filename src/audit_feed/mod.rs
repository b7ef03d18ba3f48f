//! The feed of Vault's audit entries, which tells at once which cached tokens changes in Vault concern.
//!
//! It can only cause lookups: an entry that is late, duplicated, forged or lost never extends the time for
//! which a token is accepted. It is no complete source of revocations: Vault writes no entry when a token
//! expires, or when it ends with its parent.

mod entry;
mod evictor;
mod excerpt;
mod file;
mod heartbeat;
mod open_requests;
mod reader;
mod scope;
#[cfg(test)]
mod tests;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::time::sleep;

use self::{
    entry::{EntrySummary, Stage},
    evictor::Evictor,
    heartbeat::Heartbeats,
    open_requests::OpenRequests,
    reader::ReadEntries,
};
pub use self::{file::follow_file, heartbeat::HeartbeatSender, reader::EntryReader};
use crate::{
    telemetry::{AuditEntryOutcome, AuditFeedState, Metrics},
    token::{FeedCoverage, Invalidation, TokenCache},
    wall_clock,
};

/// The times after its first entry at which a request without a response in the feed is taken as done.
/// OpenBao does not post the entry of a response if the client has closed its connection, although the
/// request may have been carried out.
const WITHOUT_RESPONSE: [Duration; 3] =
    [Duration::from_millis(100), Duration::from_secs(1), Duration::from_secs(5)];

/// The times after its response at which a change is applied again that Vault completes in the background.
const IN_BACKGROUND: [Duration; 4] = [
    Duration::from_millis(200),
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(15),
];

/// The time after such a change in which the feed is not relied on.
const BACKGROUND_LIMIT: Duration = Duration::from_mins(1);

/// The interval at which the state of the feed is checked for the log.
const STATE_INTERVAL: Duration = Duration::from_secs(1);

/// Applies audit entries to the cache.
pub struct AuditFeed {
    cache: Arc<TokenCache>,
    metrics: Arc<Metrics>,
    evictor: Evictor,
    open: OpenRequests,
    heartbeats: Heartbeats,
}

impl AuditFeed {
    /// Creates a feed for this cache. Must be called in a runtime.
    #[must_use]
    pub fn new(cache: Arc<TokenCache>, metrics: Arc<Metrics>) -> Self {
        let evictor = Evictor::start(Arc::clone(&cache));
        let (open, heartbeats) = (OpenRequests::default(), Heartbeats::new());
        let feed = Self { cache, metrics, evictor, open, heartbeats };
        feed.interrupt();
        feed
    }

    /// Applies entries. The future completes when the tokens that they concern are evicted; if it is dropped,
    /// they are evicted all the same.
    pub fn receive(
        self: &Arc<Self>,
        entries: EntryReader,
    ) -> impl Future<Output = ()> + Send + 'static {
        let ReadEntries { summaries, is_unreadable } = entries.finish();
        let mut invalidation = Invalidation::default();
        if is_unreadable {
            invalidation = Invalidation::all();
            self.metrics.record_audit_entry(AuditEntryOutcome::Unreadable);
        }
        let mut times = Vec::new();
        for entry in summaries {
            self.note(&entry);
            if entry.stage == Stage::Request || entry.invalidation.is_empty() {
                self.metrics.record_audit_entry(AuditEntryOutcome::Ignored);
            } else {
                times.push(entry.time);
                invalidation.merge(entry.invalidation);
            }
        }
        let applied = self.evictor.apply(invalidation);
        let metrics = Arc::clone(&self.metrics);
        async move {
            applied.await;
            let now = wall_clock::now();
            for time in times {
                metrics.record_audit_entry(AuditEntryOutcome::Evicted);
                // Unknown if the clock of Vault's machine is ahead.
                let delay = time.and_then(|time| now.duration_since(time).try_into().ok());
                if let Some(delay) = delay {
                    metrics.record_revocation_delay(delay);
                }
            }
        }
    }

    /// Evicts all tokens, since entries were lost that may concern any.
    pub fn lose_entries(&self) {
        drop(self.evictor.apply(Invalidation::all()));
    }

    /// Stops relying on the feed for tokens that were looked up until now, since entries may have been lost
    /// that were written meanwhile.
    fn interrupt(&self) {
        self.cache.coverage().exclude_until(Instant::now());
    }

    /// Uses the content of an entry beside the tokens that it concerns.
    fn note(self: &Arc<Self>, entry: &EntrySummary) {
        if let Some(outcome) = entry.rotation {
            self.metrics.record_rotation(outcome);
        }
        let id = entry.request_id.as_deref();
        if let (Some(id), Some(hashes)) = (id, entry.looked_up) {
            self.cache.add_audit_hashes(id, hashes);
        }
        match (entry.stage, id) {
            (Stage::Request, id) => {
                if !entry.invalidation.is_empty() {
                    self.await_response(id, entry);
                }
            }
            (Stage::Response, Some(id)) => {
                self.open.end(id);
                if entry.is_self_lookup {
                    self.heartbeats.deliver(id, self.cache.coverage());
                }
            }
            (Stage::Response, None) => {}
        }
        if entry.is_unfinished && !entry.invalidation.is_empty() {
            self.cache.coverage().exclude_until(Instant::now() + BACKGROUND_LIMIT);
            if entry.stage == Stage::Response {
                self.repeat(entry.invalidation.clone(), &IN_BACKGROUND, None);
            }
        }
    }

    /// Applies a request some time later, unless its response arrives before.
    fn await_response(self: &Arc<Self>, id: Option<&str>, entry: &EntrySummary) {
        if id.is_some_and(|id| self.open.begin(id).is_err()) {
            self.cache.coverage().exclude_until(Instant::now() + BACKGROUND_LIMIT);
            return;
        }
        self.repeat(entry.invalidation.clone(), &WITHOUT_RESPONSE, id.map(str::to_owned));
    }

    /// Applies an invalidation at these times from now on, while the request with this id is open.
    fn repeat(
        self: &Arc<Self>,
        invalidation: Invalidation,
        times: &'static [Duration],
        open: Option<String>,
    ) {
        let (feed, start) = (Arc::clone(self), Instant::now());
        tokio::spawn(async move {
            for time in times {
                sleep((start + *time).saturating_duration_since(Instant::now())).await;
                if open.as_ref().is_some_and(|id| !feed.open.contains(id)) {
                    return;
                }
                feed.evictor.apply(invalidation.clone()).await;
            }
            if let Some(id) = open {
                feed.open.end(&id);
            }
        });
    }

    /// Sends heartbeats, and logs when the feed becomes silent and when it works again, without end.
    pub async fn watch(&self, sender: Arc<dyn HeartbeatSender>) {
        let coverage = self.cache.coverage();
        tokio::join!(self.heartbeats.run(sender, coverage), self.log_state(coverage));
    }

    async fn log_state(&self, coverage: &FeedCoverage) {
        let mut last = None;
        loop {
            let state = if coverage.is_complete(Instant::now()) {
                AuditFeedState::Complete
            } else {
                AuditFeedState::Silent
            };
            self.metrics.set_audit_feed(Some(state));
            if last != Some(state) {
                match (state, last) {
                    (AuditFeedState::Complete, _) => tracing::info!("the audit feed is complete"),
                    (AuditFeedState::Silent, None) => tracing::info!("waiting for the audit feed"),
                    (AuditFeedState::Silent, Some(_)) => tracing::warn!(
                        "the audit feed is silent: tokens are looked up again after \
                         VALIDATOR_CACHE_TTL until it works again"
                    ),
                }
                last = Some(state);
            }
            sleep(STATE_INTERVAL).await;
        }
    }
}

use std::{
    hash::Hash,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use moka::future::Cache;

use super::TooManyLogins;

/// The maximum number of tracked keys.
const MAX_ENTRIES: u64 = 65_536;

/// Counts calls within a minute.
pub(super) struct CallCounter<K> {
    limit: u32,
    counts: Cache<K, Arc<AtomicU32>>,
}

impl<K: Hash + Eq + Send + Sync + 'static> CallCounter<K> {
    const MINUTE: Duration = Duration::from_mins(1);

    /// Creates a counter that allows this number of calls.
    pub(super) fn new(limit: u32) -> Self {
        let counts = Cache::builder().max_capacity(MAX_ENTRIES).time_to_live(Self::MINUTE).build();
        Self { limit, counts }
    }

    /// Returns the number of keys with calls within a minute.
    pub(super) async fn key_count(&self) -> u64 {
        self.counts.run_pending_tasks().await;
        self.counts.entry_count()
    }

    /// Counts a call.
    pub(super) async fn count(&self, key: K) -> Result<(), TooManyLogins> {
        let count = self.counts.get_with(key, async { Arc::default() }).await;
        if count.fetch_add(1, Relaxed) < self.limit {
            return Ok(());
        }
        Err(TooManyLogins { retry_after: Self::MINUTE })
    }
}

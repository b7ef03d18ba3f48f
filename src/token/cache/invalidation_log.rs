use std::{
    collections::VecDeque,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use crate::token::{Invalidation, Unavailable, UnavailableReason, cache::TokenEntry};

/// The time for which invalidations are kept: longer than a lookup takes, and than a standby of Vault lags
/// behind the active node.
const RETENTION: Duration = Duration::from_secs(10);

/// The maximum number of invalidations that are kept.
const MAX_KEPT: usize = 2048;

/// The recent invalidations, so that the result of a lookup is not cached that was in flight during one
/// that concerns it.
#[derive(Default)]
pub(super) struct InvalidationLog {
    /// The number of invalidations so far.
    generation: AtomicU64,
    /// The last ones.
    recent: Mutex<VecDeque<LoggedInvalidation>>,
}

/// The error of a response that may be from before a change that concerns the token.
#[derive(Debug)]
pub(super) struct Outdated;

impl From<Outdated> for Unavailable {
    fn from(Outdated: Outdated) -> Self {
        let detail = "no active node of vault responded, and another one may be behind it";
        Self::new(UnavailableReason::NoValidResponse, detail)
    }
}

struct LoggedInvalidation {
    at: Instant,
    /// The number of invalidations up to and including this one.
    generation: u64,
    invalidation: Invalidation,
}

impl InvalidationLog {
    /// Returns the number of invalidations so far.
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(SeqCst)
    }

    /// Adds an invalidation.
    pub(super) fn add(&self, invalidation: Invalidation) {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let at = Instant::now();
        let is_old = |logged: &LoggedInvalidation| at.duration_since(logged.at) > RETENTION;
        while recent.len() >= MAX_KEPT || recent.front().is_some_and(is_old) {
            recent.pop_front();
        }
        let generation = self.generation.load(SeqCst) + 1;
        recent.push_back(LoggedInvalidation { at, generation, invalidation });
        // Within the lock, so that each reader of this number finds the invalidation.
        self.generation.store(generation, SeqCst);
    }

    /// Returns true if there was one within the last 10 s.
    pub(super) fn is_recent(&self) -> bool {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.back().is_some_and(|last| last.at.elapsed() <= RETENTION)
    }

    /// Returns true if no invalidation concerns the entry since there were `generation` of them.
    pub(super) fn is_current(&self, entry: &TokenEntry, generation: u64) -> bool {
        if generation == self.generation() {
            return true;
        }
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        // The first one that is kept has to be the next, or an older one.
        recent.front().is_some_and(|oldest| oldest.generation <= generation + 1)
            && !recent
                .iter()
                .rev()
                .take_while(|logged| logged.generation > generation)
                .any(|logged| logged.invalidation.concerns(entry))
    }

    /// Returns true if no invalidation of the last 10 s concerns the entry.
    pub(super) fn is_settled(&self, entry: &TokenEntry) -> bool {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let is_complete = recent.len() < MAX_KEPT
            || recent.front().is_some_and(|oldest| oldest.at.elapsed() > RETENTION);
        is_complete
            && !recent
                .iter()
                .rev()
                .take_while(|logged| logged.at.elapsed() <= RETENTION)
                .any(|logged| logged.invalidation.concerns(entry))
    }
}

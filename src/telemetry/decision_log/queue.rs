use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::{DecisionLogMode, DecisionLogUnavailable};
use crate::telemetry::{
    DecisionLogOutcome,
    outage::{EndedOutage, FirstOccurrence, Observer, Outage},
    record_decision_log,
};

/// The time that a write may take before the log counts as unavailable.
const STALL_TIMEOUT: Duration = Duration::from_secs(2);

/// The time for which the writer collects records, so that it writes many of them at once.
const BATCH_DELAY: Duration = Duration::from_millis(5);

/// The maximum time for which the writer waits for records.
const IDLE_TIMEOUT: Duration = Duration::from_secs(1);

/// The reason of an outage if records come faster than they are written.
const QUEUE_FULL: &str = "queue_full";

/// The reason of an outage if a write does not return.
const STALLED: &str = "stalled";

/// The reason of an outage if a write or the opening of the file fails.
const UNWRITABLE: &str = "unwritable";

/// The reason of an outage if the writer has ended.
const ENDED: &str = "ended";

/// The records that are not written yet, and the state of the writer.
pub(super) struct Queue {
    capacity: usize,
    mode: DecisionLogMode,
    state: Mutex<RecordQueueState>,
    changed: Condvar,
}

struct RecordQueueState {
    lines: Vec<u8>,
    records: u64,
    writer: WriterState,
    is_closing: bool,
    outage: Outage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum WriterState {
    /// It waits for records.
    Idle,
    /// It has been writing records since this time.
    Writing(Instant),
    /// It could not write, and tries again.
    Failing,
    /// It has ended, and writes nothing more.
    Ended,
}

/// Records to be written.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) lines: Vec<u8>,
    pub(super) records: u64,
}

/// The next work of the writer.
pub(super) enum NextBatch {
    /// Records are to be written.
    Ready,
    /// There are none so far.
    Idle,
    /// There are none, and there will be no more.
    Closed,
}

impl Queue {
    pub(super) fn new(capacity: usize, mode: DecisionLogMode) -> Self {
        let state = RecordQueueState {
            lines: Vec::new(),
            records: 0,
            writer: WriterState::Idle,
            is_closing: false,
            outage: Outage::new(),
        };
        Self { capacity, mode, state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Adds a line. It is dropped and counted if the queue is full or the writer has ended; if the log is
    /// mandatory, also if the writer fails or does not return.
    pub(super) fn push(
        &self,
        line: &[u8],
        mode: DecisionLogMode,
        now: Instant,
    ) -> Result<(), DecisionLogUnavailable> {
        let Err(reason) = self.try_push(line, mode, now) else { return Ok(()) };
        // The refusal of a request is counted once, even if its own record is dropped.
        if mode == self.mode
            && self.state().outage.record_request(reason, now) != FirstOccurrence::None
        {
            self.log_failure(reason, None);
        }
        match mode {
            DecisionLogMode::Mandatory => Err(DecisionLogUnavailable),
            DecisionLogMode::BestEffort => {
                record_decision_log(DecisionLogOutcome::Dropped, 1);
                Ok(())
            }
        }
    }

    /// Adds a line, or returns the reason why that is not possible.
    pub(super) fn try_push(
        &self,
        line: &[u8],
        mode: DecisionLogMode,
        now: Instant,
    ) -> Result<(), &'static str> {
        let mut state = self.state();
        let failure = match state.writer {
            WriterState::Ended => Some(ENDED),
            _ if state.lines.len() + line.len() > self.capacity => Some(QUEUE_FULL),
            _ if mode == DecisionLogMode::BestEffort => None,
            WriterState::Writing(since) if now.saturating_duration_since(since) > STALL_TIMEOUT => {
                Some(STALLED)
            }
            WriterState::Failing => Some(UNWRITABLE),
            WriterState::Writing(_) | WriterState::Idle => None,
        };
        if let Some(reason) = failure {
            return Err(reason);
        }
        state.lines.extend_from_slice(line);
        state.records += 1;
        let is_first = state.records == 1 && state.writer == WriterState::Idle;
        drop(state);
        if is_first {
            self.changed.notify_one();
        }
        Ok(())
    }

    /// Waits for records and moves them to this empty batch.
    pub(super) fn take(&self, batch: &mut Batch) -> NextBatch {
        let is_empty = |state: &mut RecordQueueState| state.lines.is_empty() && !state.is_closing;
        let waited = self.changed.wait_timeout_while(self.state(), IDLE_TIMEOUT, is_empty);
        let state = waited.unwrap_or_else(PoisonError::into_inner).0;
        if state.lines.is_empty() {
            let closed = state.is_closing;
            return if closed { NextBatch::Closed } else { NextBatch::Idle };
        }
        let is_open = |state: &mut RecordQueueState| !state.is_closing;
        let waited = self.changed.wait_timeout_while(state, BATCH_DELAY, is_open);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner).0;
        std::mem::swap(&mut state.lines, &mut batch.lines);
        batch.records = std::mem::take(&mut state.records);
        state.writer = WriterState::Writing(Instant::now());
        NextBatch::Ready
    }

    /// Records that a batch was written.
    pub(super) fn written(&self) {
        let mut state = self.state();
        state.writer = WriterState::Idle;
        state.outage.record_recovery(Observer::DecisionLogWriter, Instant::now());
    }

    /// Records that a batch could not be written, and waits before the next attempt. Returns false
    /// if there will be none, since the log is being closed.
    pub(super) fn failed(&self, error: &std::io::Error, pause: Duration) -> bool {
        let mut state = self.state();
        state.writer = WriterState::Failing;
        let observer = Observer::DecisionLogWriter;
        if state.outage.record_failure(observer, UNWRITABLE, Instant::now())
            != FirstOccurrence::None
        {
            self.log_failure(UNWRITABLE, Some(error));
        }
        let is_open = |state: &mut RecordQueueState| !state.is_closing;
        let waited = self.changed.wait_timeout_while(state, pause, is_open);
        !waited.unwrap_or_else(PoisonError::into_inner).0.is_closing
    }

    /// Records that the writer has ended, and returns the number of records that it leaves.
    pub(super) fn end(&self) -> u64 {
        let mut state = self.state();
        state.writer = WriterState::Ended;
        state.lines = Vec::new();
        std::mem::take(&mut state.records)
    }

    /// Logs the end of an outage, if one is over.
    pub(super) fn report(&self) {
        let ended = self.state().outage.end(Instant::now());
        let Some(EndedOutage { requests, duration }) = ended else { return };
        let duration_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        match self.mode {
            DecisionLogMode::BestEffort => {
                tracing::warn!(
                    dropped = requests,
                    duration_ms,
                    "the decision log is written again"
                );
            }
            DecisionLogMode::Mandatory => {
                tracing::warn!(
                    refused = requests,
                    duration_ms,
                    "the decision log is written again"
                );
            }
        }
    }

    /// Makes the writer write the rest and end.
    pub(super) fn close(&self) {
        self.state().is_closing = true;
        self.changed.notify_all();
    }

    fn log_failure(&self, reason: &'static str, error: Option<&std::io::Error>) {
        let error = error.map(tracing::field::display);
        match self.mode {
            DecisionLogMode::BestEffort => tracing::error!(
                reason,
                error,
                "the decision log cannot be written: records that exceed the queue are dropped"
            ),
            DecisionLogMode::Mandatory => tracing::error!(
                reason,
                error,
                "the decision log cannot be written: requests are refused"
            ),
        }
    }

    fn state(&self) -> MutexGuard<'_, RecordQueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

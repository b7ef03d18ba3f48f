use std::{io, time::Duration};

use super::{
    queue::{Batch, NextBatch, Queue},
    sink::{Sink, SinkFile},
};
use crate::telemetry::{DecisionLogOutcome, record_decision_log};

/// The pause between two attempts to write. It has no jitter: there is one writer.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// The capacity that is kept for the next batch, in bytes.
const KEPT_CAPACITY: usize = 64 * 1024;

/// Writes the records of a queue to a sink.
pub(super) struct Writer<'q> {
    queue: &'q Queue,
    sink: Sink,
    batch: Batch,
    /// The number of bytes of the batch that are written.
    written: usize,
}

impl<'q> Writer<'q> {
    pub(super) fn new(queue: &'q Queue, sink: Sink) -> Self {
        Self { queue, sink, batch: Batch::default(), written: 0 }
    }

    /// Writes records until the queue is closed and empty, or cannot be written then.
    pub(super) fn run(mut self) {
        loop {
            match self.queue.take(&mut self.batch) {
                NextBatch::Ready => {
                    if !self.write_batch() {
                        return;
                    }
                }
                NextBatch::Idle => {}
                NextBatch::Closed => return,
            }
            self.queue.report();
        }
    }

    /// Writes the batch, as often as it takes. Returns false if the queue is closed before that.
    fn write_batch(&mut self) -> bool {
        while let Err(error) = self.try_to_write() {
            if self.queue.failed(&error, RETRY_PAUSE) {
                continue;
            }
            if self.try_to_write().is_err() {
                return false;
            }
            break;
        }
        record_decision_log(DecisionLogOutcome::Written, self.batch.records);
        self.queue.written();
        self.batch.lines.clear();
        self.batch.lines.shrink_to(KEPT_CAPACITY);
        self.batch.records = 0;
        self.written = 0;
        true
    }

    fn try_to_write(&mut self) -> io::Result<()> {
        if self.sink.reopen_if_replaced()? == SinkFile::Opened {
            // The old file may have the first part of a line, which is repeated in the new one.
            let before = &self.batch.lines[..self.written];
            self.written = memchr::memrchr(b'\n', before).map_or(0, |end| end + 1);
        }
        self.sink.write(&self.batch.lines, &mut self.written)
    }
}

impl Drop for Writer<'_> {
    /// Ends the log, also after a panic, and counts what is not written.
    fn drop(&mut self) {
        let records = self.batch.records + self.queue.end();
        if records > 0 {
            record_decision_log(DecisionLogOutcome::Dropped, records);
            tracing::error!(
                records,
                "the decision log could not be written: these records are lost"
            );
        }
    }
}

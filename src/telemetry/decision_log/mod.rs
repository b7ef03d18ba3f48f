//! The decision log: every decision of `/validate` as a line of JSON.
//!
//! A request adds its record to a bounded queue, and never waits. One thread writes the queue to the
//! file, opens the file again when it is renamed or removed, and tries again when it cannot write.

mod queue;
mod sink;
#[cfg(test)]
mod tests;
mod writer;

use std::{
    fmt, io,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use serde::Serialize;

use self::{queue::Queue, sink::Sink, writer::Writer};
use super::DecisionRecord;
use crate::wall_clock::now;

pub use sink::check_file;

/// The maximum size of the queue, in bytes: some 10,000 records.
const QUEUE_CAPACITY: usize = 4 * 1024 * 1024;

/// The usual maximum size of a record, in bytes.
const RECORD_SIZE: usize = 512;

/// The settings of the decision log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecisionLogSettings {
    /// The destination of the records.
    pub target: DecisionLogTarget,
    /// The treatment of requests whose record cannot be written.
    pub mode: DecisionLogMode,
}

/// The destination of the decision log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecisionLogTarget {
    /// Standard output.
    Stdout,
    /// A file, which is created if it does not exist.
    File(PathBuf),
}

/// The treatment of requests whose record cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecisionLogMode {
    /// The record is dropped and counted.
    BestEffort,
    /// The request is refused: nothing is allowed that is not logged.
    Mandatory,
}

/// The record of a request cannot be written, and has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecisionLogUnavailable;

/// An error at the start of the decision log.
#[derive(Debug)]
pub struct DecisionLogError {
    target: DecisionLogTarget,
    error: io::Error,
}

impl fmt::Display for DecisionLogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { target, error } = self;
        match target {
            DecisionLogTarget::Stdout => write!(f, "VALIDATOR_DECISION_LOG: stdout: {error}"),
            DecisionLogTarget::File(path) => {
                write!(f, "VALIDATOR_DECISION_LOG: {}: {error}", path.display())
            }
        }
    }
}

impl std::error::Error for DecisionLogError {}

/// The decision log.
pub struct DecisionLog {
    queue: Arc<Queue>,
    mode: DecisionLogMode,
    /// Receives nothing, and is disconnected when the writer has ended.
    writer: Mutex<mpsc::Receiver<()>>,
}

/// A line of the decision log.
#[derive(Serialize)]
struct DecisionLine<'r> {
    time: String,
    #[serde(flatten)]
    record: &'r DecisionRecord<'r>,
}

impl DecisionLog {
    /// Opens the log and starts the thread that writes it.
    ///
    /// # Errors
    /// The file cannot be opened, or is not a regular file.
    pub fn start(settings: &DecisionLogSettings) -> Result<Self, DecisionLogError> {
        let DecisionLogSettings { target, mode } = settings;
        let failed = |error| DecisionLogError { target: target.clone(), error };
        let sink = Sink::open(target).map_err(failed)?;
        let queue = Arc::new(Queue::new(QUEUE_CAPACITY, *mode));
        let (ended, writer) = mpsc::channel();
        let thread = thread::Builder::new().name("decision-log".to_owned());
        let thread_queue = Arc::clone(&queue);
        thread
            .spawn(move || {
                Writer::new(&thread_queue, sink).run();
                drop::<mpsc::Sender<()>>(ended);
            })
            .map_err(failed)?;
        Ok(Self { queue, mode: *mode, writer: Mutex::new(writer) })
    }

    /// Queues the record of a decision. If it cannot be queued, it is dropped and counted, unless the
    /// log is mandatory.
    ///
    /// # Errors
    /// The log is mandatory, and the queue is full, the last write failed, or a write takes long.
    pub fn record(&self, record: &DecisionRecord<'_>) -> Result<(), DecisionLogUnavailable> {
        self.queue.push(&line(record), self.mode, Instant::now())
    }

    /// Queues the record of a decision, as [`DecisionLog::record`] does. If a mandatory log is not available,
    /// no refusal is counted: the request is decided again, and recorded then.
    ///
    /// # Errors
    /// As those of [`DecisionLog::record`].
    pub fn record_cached(&self, record: &DecisionRecord<'_>) -> Result<(), DecisionLogUnavailable> {
        match self.mode {
            DecisionLogMode::BestEffort => self.record(record),
            DecisionLogMode::Mandatory => {
                let queued = self.queue.try_push(&line(record), self.mode, Instant::now());
                queued.map_err(|_| DecisionLogUnavailable)
            }
        }
    }

    /// Queues the record of a request that is refused because this log is unavailable. If the queue
    /// is full, the record is dropped and counted.
    pub fn record_refusal(&self, record: &DecisionRecord<'_>) {
        // A best effort has no error.
        let _ = self.queue.push(&line(record), DecisionLogMode::BestEffort, Instant::now());
    }

    /// Writes the queued records and ends the log, within `deadline`. Blocks the thread.
    pub fn close(&self, deadline: Duration) {
        self.queue.close();
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if writer.recv_timeout(deadline) == Err(mpsc::RecvTimeoutError::Timeout) {
            tracing::error!("the decision log was not written in time: its last records are lost");
        }
    }
}

fn line(record: &DecisionRecord<'_>) -> Vec<u8> {
    let mut line = Vec::with_capacity(RECORD_SIZE);
    let content = DecisionLine { time: format!("{:.3}", now()), record };
    // Serializing text and numbers to memory cannot fail.
    let _ = serde_json::to_writer(&mut line, &content);
    line.push(b'\n');
    line
}

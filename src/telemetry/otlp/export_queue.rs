use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use opentelemetry_sdk::error::OTelSdkResult;

use crate::telemetry::{Signal, record_dropped_telemetry};

/// The account of the items of one signal: those that wait, those that are lost, and the outage of the
/// receiver.
#[derive(Clone, Debug)]
pub(super) struct ExportQueue(Arc<QueueState>);

#[derive(Debug)]
struct QueueState {
    signal: Signal,
    /// The name of the signal in log lines.
    name: &'static str,
    /// The maximum number of items that wait. The queue of the SDK has the same size, and so is never
    /// full when an item is admitted.
    size: usize,
    waiting: AtomicUsize,
    is_failing: AtomicBool,
}

impl ExportQueue {
    pub(super) fn new(signal: Signal, name: &'static str, size: usize) -> Self {
        let (waiting, is_failing) = (AtomicUsize::new(0), AtomicBool::new(false));
        Self(Arc::new(QueueState { signal, name, size, waiting, is_failing }))
    }

    /// Admits an item. Returns false if the queue is full; then the item counts as dropped.
    pub(super) fn admit(&self) -> bool {
        let one_more = |waiting| (waiting < self.0.size).then_some(waiting + 1);
        let waiting = &self.0.waiting;
        let admitted = waiting.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more).is_ok();
        if !admitted {
            record_dropped_telemetry(self.0.signal, 1);
        }
        admitted
    }

    /// Removes items that are sent now.
    pub(super) fn take(&self, items: usize) {
        self.0.waiting.fetch_sub(items, Ordering::AcqRel);
    }

    /// Records the result of sending items. Logs the begin and the end of an outage.
    pub(super) fn record(&self, items: usize, result: &OTelSdkResult) {
        let was_failing = self.0.is_failing.swap(result.is_err(), Ordering::AcqRel);
        let signal = self.0.name;
        match result {
            Ok(()) if was_failing => {
                tracing::info!(signal, "export to the OTLP receiver works again");
            }
            Ok(()) => {}
            Err(error) => {
                record_dropped_telemetry(self.0.signal, items as u64);
                if !was_failing {
                    tracing::warn!(signal, %error, "export to the OTLP receiver fails");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ExportQueue;
    use crate::telemetry::Signal;

    #[test]
    fn o6_queue_is_bounded() {
        let queue = ExportQueue::new(Signal::Spans, "traces", 3);
        assert_eq!([(); 5].map(|()| queue.admit()), [true, true, true, false, false]);
        queue.take(2);
        assert_eq!([(); 3].map(|()| queue.admit()), [true, true, false]);
    }
}

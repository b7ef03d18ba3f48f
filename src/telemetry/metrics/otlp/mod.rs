//! The export of metrics by OTLP: the registry that `/metrics` renders, sent at an interval.
//!
//! OpenTelemetry's own exporter takes only what its SDK has aggregated, so this one encodes and sends the
//! request itself.

mod convert;
mod send;

use std::{sync::Arc, time::Duration};

use http::HeaderMap;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tokio_util::sync::CancellationToken;
use url::Url;

use self::{
    convert::{ExportPeriod, export_request},
    send::Sender,
};
use super::{Metrics, MetricsSnapshot, Signal, record_dropped_telemetry};
use crate::{
    telemetry::{otlp::OtlpProtocol, resource::resource},
    wall_clock,
};

/// The time that the last export may take when the service stops.
const FINAL_EXPORT_TIMEOUT: Duration = Duration::from_secs(1);

/// The export of metrics.
#[derive(Clone, Debug)]
pub struct MetricsExport {
    /// The address of the receiver; over HTTP with the path of metrics.
    pub endpoint: Url,
    /// The protocol.
    pub protocol: OtlpProtocol,
    /// The headers of a request, which may have credentials; they are marked as sensitive.
    pub headers: HeaderMap,
    /// The maximum time of an export.
    pub timeout: Duration,
    /// The time between two exports.
    pub interval: Duration,
}

/// An export that is running.
pub struct MetricsExporter<S> {
    sender: Sender,
    interval: Duration,
    metrics: Arc<Metrics>,
    snapshot: S,
    is_failing: bool,
}

impl<S: AsyncFn() -> MetricsSnapshot> MetricsExporter<S> {
    /// Creates an export of these metrics with what `snapshot` reads each time.
    ///
    /// # Errors
    /// The reason why the settings cannot be used.
    pub fn new(export: MetricsExport, metrics: Arc<Metrics>, snapshot: S) -> Result<Self, String> {
        let interval = export.interval;
        let sender = Sender::new(export)?;
        Ok(Self { sender, interval, metrics, snapshot, is_failing: false })
    }

    /// Exports at the interval, one export at a time, and a last time after `stop`.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut ticks = interval_at(Instant::now() + self.interval, self.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let exports = async {
            loop {
                ticks.tick().await;
                self.export().await;
            }
        };
        stop.run_until_cancelled(exports).await;
        if timeout(FINAL_EXPORT_TIMEOUT, self.export()).await.is_err() {
            record_dropped_telemetry(Signal::Metrics, 1);
        }
    }

    async fn export(&mut self) {
        self.metrics.set(&(self.snapshot)().await);
        let period = ExportPeriod::new(self.metrics.started, wall_clock::now());
        let request = export_request(self.metrics.families(), &resource(), period);
        let result = self.sender.send(request).await;
        let was_failing = std::mem::replace(&mut self.is_failing, result.is_err());
        let signal = "metrics";
        match result {
            Ok(()) if was_failing => {
                tracing::info!(signal, "export to the OTLP receiver works again");
            }
            Ok(()) => {}
            Err(error) => {
                record_dropped_telemetry(Signal::Metrics, 1);
                if !was_failing {
                    tracing::warn!(signal, error, "export to the OTLP receiver fails");
                }
            }
        }
    }
}

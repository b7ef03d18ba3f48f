use std::time::Duration;

use opentelemetry::{InstrumentationScope, logs::LoggerProvider as _};
use opentelemetry_otlp::LogExporter as OtlpExporter;
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    logs::{
        BatchConfigBuilder, BatchLogProcessor, LogBatch, LogExporter, LogProcessor, SdkLogRecord,
        SdkLoggerProvider,
    },
};

use super::{
    ExportError, OtlpProtocol, SignalExport, build_exporter, export_queue::ExportQueue,
    http_client, log_layer::OtlpLogLayer,
};
use crate::telemetry::{Signal, resource::resource};

/// The time that the queued records may take to be sent when the service stops.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);

/// Sends the queued log records when it is dropped.
pub(in crate::telemetry) struct LogGuard(SdkLoggerProvider);

impl Drop for LogGuard {
    fn drop(&mut self) {
        if let Err(error) = self.0.shutdown_with_timeout(SHUTDOWN_TIMEOUT) {
            tracing::warn!(%error, "some log records could not be sent");
        }
    }
}

/// Returns the layer that exports log lines, and the guard that sends the queued ones when it is dropped.
///
/// # Errors
/// The exporter cannot be built from the standard variables.
pub(in crate::telemetry) fn log_layer(
    export: SignalExport,
) -> Result<(OtlpLogLayer, LogGuard), ExportError> {
    let exporter = build_exporter!(OtlpExporter, export)?;
    let queue = ExportQueue::new(Signal::Logs, "logs", export.queue_size);
    let batches = BatchConfigBuilder::default().with_max_queue_size(export.queue_size).build();
    let exporter = CountingLogExporter { exporter, queue: queue.clone() };
    let batches = BatchLogProcessor::builder(exporter).with_batch_config(batches).build();
    let processor = BoundedLogProcessor { batches, queue };
    let provider = SdkLoggerProvider::builder()
        .with_resource(resource())
        .with_log_processor(processor)
        .build();
    Ok((OtlpLogLayer::new(provider.logger(env!("CARGO_PKG_NAME"))), LogGuard(provider)))
}

/// Drops records for which there is no room in the queue, and counts them.
#[derive(Debug)]
struct BoundedLogProcessor {
    batches: BatchLogProcessor,
    queue: ExportQueue,
}

impl LogProcessor for BoundedLogProcessor {
    fn emit(&self, record: &mut SdkLogRecord, scope: &InstrumentationScope) {
        if self.queue.admit() {
            self.batches.emit(record, scope);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.batches.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.batches.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.batches.set_resource(resource);
    }
}

/// Sends records, and records the result.
#[derive(Debug)]
struct CountingLogExporter {
    exporter: OtlpExporter,
    queue: ExportQueue,
}

impl LogExporter for CountingLogExporter {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        let items = batch.iter().count();
        self.queue.take(items);
        let result = self.exporter.export(batch).await;
        self.queue.record(items, &result);
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_otlp::SpanExporter as OtlpExporter;
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{BatchConfigBuilder, BatchSpanProcessor, Span, SpanData, SpanExporter, SpanProcessor},
};

use super::{
    ExportError, OtlpProtocol, SignalExport, build_exporter, export_queue::ExportQueue, http_client,
};
use crate::telemetry::Signal;

/// Returns the processor that queues spans and sends them.
///
/// # Errors
/// The exporter cannot be built from the standard variables.
pub(in crate::telemetry) fn span_processor(
    export: SignalExport,
) -> Result<impl SpanProcessor + 'static, ExportError> {
    let exporter = build_exporter!(OtlpExporter, export)?;
    let queue = ExportQueue::new(Signal::Spans, "traces", export.queue_size);
    let batches = BatchConfigBuilder::default().with_max_queue_size(export.queue_size).build();
    let exporter = CountingSpanExporter { exporter, queue: queue.clone() };
    let batches = BatchSpanProcessor::builder(exporter).with_batch_config(batches).build();
    Ok(BoundedSpanProcessor { batches, queue })
}

/// Drops spans for which there is no room in the queue, and counts them.
#[derive(Debug)]
struct BoundedSpanProcessor {
    batches: BatchSpanProcessor,
    queue: ExportQueue,
}

impl SpanProcessor for BoundedSpanProcessor {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.batches.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if self.queue.admit() {
            self.batches.on_end(span);
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

/// Sends spans, and records the result.
#[derive(Debug)]
struct CountingSpanExporter {
    exporter: OtlpExporter,
    queue: ExportQueue,
}

impl SpanExporter for CountingSpanExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let items = batch.len();
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

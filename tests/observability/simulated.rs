//! Made-up exports of validators, in the shape of the real ones, with known numbers.

use opentelemetry_proto::tonic::{
    collector::{
        logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
        trace::v1::ExportTraceServiceRequest,
    },
    common::v1::{AnyValue, KeyValue, any_value},
    logs::v1::{LogRecord, ResourceLogs, ScopeLogs},
    metrics::v1::{
        AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint,
        ResourceMetrics, ScopeMetrics, Sum, metric::Data, number_data_point::Value,
    },
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans, Span, span::SpanKind},
};

/// The upper bounds of the latency histograms, in seconds.
pub(super) const BOUNDS: [f64; 19] = [
    0.00001, 0.000_025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
    0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// Labels with their values.
pub(super) type Labels = &'static [(&'static str, &'static str)];

/// A run of a process.
#[derive(Clone, Debug)]
pub(super) struct Run {
    /// The id of the instance.
    pub(super) instance: &'static str,
    /// The start, as a Unix time.
    pub(super) start: u64,
}

const NANOS: u64 = 1_000_000_000;

impl Run {
    /// Returns an export of one metric at this time.
    pub(super) fn metric(&self, name: &str, data: Data) -> ExportMetricsServiceRequest {
        let metric = Metric { name: name.to_owned(), data: Some(data), ..Metric::default() };
        let scope_metrics = vec![ScopeMetrics { metrics: vec![metric], ..ScopeMetrics::default() }];
        let resource = Some(self.resource());
        let of_resource = ResourceMetrics { resource, scope_metrics, ..ResourceMetrics::default() };
        ExportMetricsServiceRequest { resource_metrics: vec![of_resource] }
    }

    /// Returns a counter's value at this time.
    pub(super) fn counter(&self, labels: Labels, at: u64, value: f64) -> Data {
        Data::Sum(Sum {
            data_points: vec![self.number(labels, at, value)],
            aggregation_temporality: AggregationTemporality::Cumulative.into(),
            is_monotonic: true,
        })
    }

    /// Returns a gauge's value at this time.
    pub(super) fn gauge(&self, labels: Labels, at: u64, value: f64) -> Data {
        Data::Gauge(Gauge { data_points: vec![self.number(labels, at, value)] })
    }

    /// Returns a latency histogram with this many values in one bucket at this time.
    pub(super) fn histogram(&self, labels: Labels, at: u64, bucket: usize, count: u64) -> Data {
        let mut bucket_counts = vec![0; BOUNDS.len() + 1];
        bucket_counts[bucket] = count;
        let point = HistogramDataPoint {
            attributes: attributes(labels),
            start_time_unix_nano: self.start * NANOS,
            time_unix_nano: at * NANOS,
            count,
            sum: Some(0.0),
            bucket_counts,
            explicit_bounds: BOUNDS.into(),
            ..HistogramDataPoint::default()
        };
        Data::Histogram(Histogram {
            data_points: vec![point],
            aggregation_temporality: AggregationTemporality::Cumulative.into(),
        })
    }

    /// Returns an export of one log record.
    pub(super) fn log(&self, body: &str, labels: Labels, at: u64) -> ExportLogsServiceRequest {
        let record = LogRecord {
            time_unix_nano: at * NANOS,
            body: Some(text(body)),
            attributes: attributes(labels),
            ..LogRecord::default()
        };
        let scope_logs = vec![ScopeLogs { log_records: vec![record], ..ScopeLogs::default() }];
        let resource = Some(self.resource());
        let of_resource = ResourceLogs { resource, scope_logs, ..ResourceLogs::default() };
        ExportLogsServiceRequest { resource_logs: vec![of_resource] }
    }

    /// Returns an export of the span of one request to Vault that took this many seconds.
    pub(super) fn vault_span(
        &self,
        labels: Labels,
        at: u64,
        took: u64,
    ) -> ExportTraceServiceRequest {
        let span = Span {
            trace_id: vec![1; 16],
            span_id: vec![2; 8],
            name: "vault lookup".into(),
            kind: SpanKind::Client.into(),
            start_time_unix_nano: at * NANOS,
            end_time_unix_nano: (at + took) * NANOS,
            attributes: attributes(labels),
            ..Span::default()
        };
        let scope_spans = vec![ScopeSpans { spans: vec![span], ..ScopeSpans::default() }];
        let resource = Some(self.resource());
        let of_resource = ResourceSpans { resource, scope_spans, ..ResourceSpans::default() };
        ExportTraceServiceRequest { resource_spans: vec![of_resource] }
    }

    fn number(&self, labels: Labels, at: u64, value: f64) -> NumberDataPoint {
        NumberDataPoint {
            attributes: attributes(labels),
            start_time_unix_nano: self.start * NANOS,
            time_unix_nano: at * NANOS,
            value: Some(Value::AsDouble(value)),
            ..NumberDataPoint::default()
        }
    }

    fn resource(&self) -> Resource {
        let all =
            [("service.name", "vault-auth-validator"), ("service.instance.id", self.instance)];
        Resource { attributes: attributes(&all), ..Resource::default() }
    }
}

fn attributes(labels: &[(&str, &str)]) -> Vec<KeyValue> {
    let one = |(key, value): &(&str, &str)| KeyValue {
        key: (*key).to_owned(),
        value: Some(text(value)),
        ..KeyValue::default()
    };
    labels.iter().map(one).collect()
}

fn text(value: &str) -> AnyValue {
    AnyValue { value: Some(any_value::Value::StringValue(value.to_owned())) }
}

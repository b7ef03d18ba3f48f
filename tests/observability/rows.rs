//! OTLP as the rows that the Collector's ClickHouse exporter inserts.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::{
    collector::{
        logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
        trace::v1::ExportTraceServiceRequest,
    },
    common::v1::{InstrumentationScope, KeyValue},
    logs::v1::LogRecord,
    metrics::v1::{
        Exemplar, HistogramDataPoint, NumberDataPoint, exemplar, metric::Data, number_data_point,
    },
    resource::v1::Resource,
    trace::v1::{Span, span::SpanKind, status::StatusCode},
};
use serde_json::{Map, Value, json};

use crate::support::otlp::{attribute, hex, value_text};

/// Rows by table.
pub(super) type Rows = BTreeMap<&'static str, Vec<Value>>;

/// Adds the rows of an export of metrics.
pub(super) fn add_metrics(rows: &mut Rows, request: &ExportMetricsServiceRequest) {
    for of_resource in &request.resource_metrics {
        let resource = of_resource.resource.clone().unwrap_or_default();
        for of_scope in &of_resource.scope_metrics {
            let mut common = scope_columns(of_scope.scope.as_ref());
            common.extend(resource_columns(&resource));
            common.insert("ResourceSchemaUrl".into(), json!(of_resource.schema_url));
            common.insert("ScopeSchemaUrl".into(), json!(of_scope.schema_url));
            for metric in &of_scope.metrics {
                common.insert("MetricName".into(), json!(metric.name));
                common.insert("MetricDescription".into(), json!(metric.description));
                common.insert("MetricUnit".into(), json!(metric.unit));
                match metric.data.as_ref().expect("data") {
                    Data::Gauge(gauge) => {
                        let points = gauge.data_points.iter().map(number_columns);
                        add(rows, "otel_metrics_gauge", &common, points);
                    }
                    Data::Sum(sum) => {
                        common.insert(
                            "AggregationTemporality".into(),
                            json!(sum.aggregation_temporality),
                        );
                        common.insert("IsMonotonic".into(), json!(sum.is_monotonic));
                        let points = sum.data_points.iter().map(number_columns);
                        add(rows, "otel_metrics_sum", &common, points);
                        common.remove("IsMonotonic");
                    }
                    Data::Histogram(histogram) => {
                        common.insert(
                            "AggregationTemporality".into(),
                            json!(histogram.aggregation_temporality),
                        );
                        let points = histogram.data_points.iter().map(histogram_columns);
                        add(rows, "otel_metrics_histogram", &common, points);
                    }
                    other => panic!("the validator sends no such metric: {other:?}"),
                }
                common.remove("AggregationTemporality");
            }
        }
    }
}

/// Adds the rows of an export of logs.
pub(super) fn add_logs(rows: &mut Rows, request: &ExportLogsServiceRequest) {
    for of_resource in &request.resource_logs {
        let mut common = resource_columns(&of_resource.resource.clone().unwrap_or_default());
        common.insert("ResourceSchemaUrl".into(), json!(of_resource.schema_url));
        for of_scope in &of_resource.scope_logs {
            let mut scope = scope_columns(of_scope.scope.as_ref());
            scope.remove("ScopeDroppedAttrCount");
            common.extend(scope);
            common.insert("ScopeSchemaUrl".into(), json!(of_scope.schema_url));
            add(rows, "otel_logs", &common, of_scope.log_records.iter().map(log_columns));
        }
    }
}

/// Adds the rows of an export of traces.
pub(super) fn add_traces(rows: &mut Rows, request: &ExportTraceServiceRequest) {
    for of_resource in &request.resource_spans {
        let mut common = resource_columns(&of_resource.resource.clone().unwrap_or_default());
        for of_scope in &of_resource.scope_spans {
            let scope = of_scope.scope.clone().unwrap_or_default();
            common.insert("ScopeName".into(), json!(scope.name));
            common.insert("ScopeVersion".into(), json!(scope.version));
            add(rows, "otel_traces", &common, of_scope.spans.iter().map(span_columns));
        }
    }
}

type Columns = Map<String, Value>;

fn add(
    rows: &mut Rows,
    table: &'static str,
    common: &Columns,
    points: impl Iterator<Item = Value>,
) {
    let row = |point: Value| {
        let mut row = common.clone();
        row.extend(point.as_object().expect("columns").clone());
        Value::Object(row)
    };
    rows.entry(table).or_default().extend(points.map(row));
}

fn resource_columns(resource: &Resource) -> Columns {
    let columns = json!({
        "ResourceAttributes": map(&resource.attributes),
        "ServiceName": attribute(&resource.attributes, "service.name").unwrap_or_default(),
    });
    columns.as_object().expect("columns").clone()
}

fn scope_columns(scope: Option<&InstrumentationScope>) -> Columns {
    let scope = scope.cloned().unwrap_or_default();
    let columns = json!({
        "ScopeName": scope.name,
        "ScopeVersion": scope.version,
        "ScopeAttributes": map(&scope.attributes),
        "ScopeDroppedAttrCount": scope.dropped_attributes_count,
    });
    columns.as_object().expect("columns").clone()
}

fn number_columns(point: &NumberDataPoint) -> Value {
    let value = match point.value {
        Some(number_data_point::Value::AsDouble(value)) => json!(value),
        Some(number_data_point::Value::AsInt(value)) => json!(value),
        None => json!(0),
    };
    let mut columns = json!({
        "Attributes": map(&point.attributes),
        "StartTimeUnix": time(point.start_time_unix_nano),
        "TimeUnix": time(point.time_unix_nano),
        "Value": value,
        "Flags": point.flags,
    });
    add_exemplars(&mut columns, &point.exemplars);
    columns
}

fn histogram_columns(point: &HistogramDataPoint) -> Value {
    let mut columns = json!({
        "Attributes": map(&point.attributes),
        "StartTimeUnix": time(point.start_time_unix_nano),
        "TimeUnix": time(point.time_unix_nano),
        "Count": point.count,
        "Sum": point.sum.unwrap_or_default(),
        "BucketCounts": point.bucket_counts,
        "ExplicitBounds": point.explicit_bounds,
        "Flags": point.flags,
        "Min": point.min.unwrap_or_default(),
        "Max": point.max.unwrap_or_default(),
    });
    add_exemplars(&mut columns, &point.exemplars);
    columns
}

fn add_exemplars(columns: &mut Value, exemplars: &[Exemplar]) {
    let value = |exemplar: &Exemplar| match exemplar.value {
        Some(exemplar::Value::AsDouble(value)) => json!(value),
        Some(exemplar::Value::AsInt(value)) => json!(value),
        None => json!(0),
    };
    let each = |column: &dyn Fn(&Exemplar) -> Value| list(exemplars.iter().map(column));
    columns["Exemplars.FilteredAttributes"] = each(&|one| map(&one.filtered_attributes));
    columns["Exemplars.TimeUnix"] = each(&|one| json!(time(one.time_unix_nano)));
    columns["Exemplars.Value"] = each(&value);
    columns["Exemplars.SpanId"] = each(&|one| json!(hex(&one.span_id)));
    columns["Exemplars.TraceId"] = each(&|one| json!(hex(&one.trace_id)));
}

fn log_columns(record: &LogRecord) -> Value {
    let at = match record.time_unix_nano {
        0 => record.observed_time_unix_nano,
        at => at,
    };
    json!({
        "Timestamp": time(at),
        "TraceId": hex(&record.trace_id),
        "SpanId": hex(&record.span_id),
        "TraceFlags": record.flags & 0xff,
        "SeverityText": record.severity_text,
        "SeverityNumber": record.severity_number,
        "Body": record.body.as_ref().map(value_text).unwrap_or_default(),
        "LogAttributes": map(&record.attributes),
        "EventName": record.event_name,
    })
}

fn span_columns(span: &Span) -> Value {
    let kind = match span.kind() {
        SpanKind::Unspecified => "Unspecified",
        SpanKind::Internal => "Internal",
        SpanKind::Server => "Server",
        SpanKind::Client => "Client",
        SpanKind::Producer => "Producer",
        SpanKind::Consumer => "Consumer",
    };
    let status = span.status.clone().unwrap_or_default();
    let code = match status.code() {
        StatusCode::Unset => "Unset",
        StatusCode::Ok => "Ok",
        StatusCode::Error => "Error",
    };
    let events = &span.events;
    let links = &span.links;
    json!({
        "Timestamp": time(span.start_time_unix_nano),
        "TraceId": hex(&span.trace_id),
        "SpanId": hex(&span.span_id),
        "ParentSpanId": hex(&span.parent_span_id),
        "TraceState": span.trace_state,
        "SpanName": span.name,
        "SpanKind": kind,
        "SpanAttributes": map(&span.attributes),
        "Duration": span.end_time_unix_nano - span.start_time_unix_nano,
        "StatusCode": code,
        "StatusMessage": status.message,
        "Events.Timestamp": list(events.iter().map(|one| time(one.time_unix_nano))),
        "Events.Name": list(events.iter().map(|one| one.name.clone())),
        "Events.Attributes": list(events.iter().map(|one| map(&one.attributes))),
        "Links.TraceId": list(links.iter().map(|one| hex(&one.trace_id))),
        "Links.SpanId": list(links.iter().map(|one| hex(&one.span_id))),
        "Links.TraceState": list(links.iter().map(|one| one.trace_state.clone())),
        "Links.Attributes": list(links.iter().map(|one| map(&one.attributes))),
    })
}

fn list<T: Into<Value>>(items: impl Iterator<Item = T>) -> Value {
    items.collect()
}

fn map(attributes: &[KeyValue]) -> Value {
    let text = |one: &KeyValue| one.value.as_ref().map(value_text).unwrap_or_default();
    attributes.iter().map(|one| (one.key.clone(), json!(text(one)))).collect()
}

/// Returns a time in nanoseconds as ClickHouse reads it: seconds with nine decimals.
fn time(nanos: u64) -> String {
    format!("{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000)
}

//! The registered metrics as OTLP. A metric has the name that its samples have at `/metrics`, without the
//! suffixes of a histogram's, and its labels are the attributes.

use jiff::Timestamp;
use opentelemetry_proto::tonic::{
    collector::metrics::v1::ExportMetricsServiceRequest,
    common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value},
    metrics::v1::{
        AggregationTemporality, Exemplar, Gauge, Histogram, HistogramDataPoint, Metric,
        NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, exemplar, metric::Data,
        number_data_point,
    },
    resource::v1::Resource,
};
use prometheus_client::encoding::openmetrics_protobuf::openmetrics_data_model as model;

use self::model::{counter_value::Total, metric_point::Value};
use crate::telemetry::metrics::reading;

/// The time that cumulative values are counted from, and the present, in nanoseconds since the Unix epoch.
#[derive(Clone, Copy)]
pub(super) struct ExportPeriod {
    start: u64,
    end: u64,
}

impl ExportPeriod {
    /// Creates the period between two times.
    pub(super) fn new(start: Timestamp, end: Timestamp) -> Self {
        let nanos = |time: Timestamp| u64::try_from(time.as_nanosecond()).unwrap_or_default();
        Self { start: nanos(start), end: nanos(end) }
    }

    fn number(self, labels: Vec<model::Label>, value: number_data_point::Value) -> NumberDataPoint {
        NumberDataPoint {
            attributes: attributes(labels),
            start_time_unix_nano: self.start,
            time_unix_nano: self.end,
            value: Some(value),
            ..Default::default()
        }
    }

    fn histogram(
        self,
        labels: Vec<model::Label>,
        histogram: model::HistogramValue,
    ) -> HistogramDataPoint {
        let bounds = histogram.buckets.iter().map(|bucket| bucket.upper_bound);
        HistogramDataPoint {
            attributes: attributes(labels),
            start_time_unix_nano: self.start,
            time_unix_nano: self.end,
            count: histogram.count,
            sum: histogram.sum.map(reading::sum),
            // The last bucket has no upper bound.
            explicit_bounds: bounds.filter(|bound| bound.is_finite()).collect(),
            bucket_counts: histogram.buckets.iter().map(|bucket| bucket.count).collect(),
            exemplars: histogram
                .buckets
                .into_iter()
                .filter_map(|it| it.exemplar)
                .map(exemplar)
                .collect(),
            ..Default::default()
        }
    }
}

/// Returns the request that exports these metrics.
pub(super) fn export_request(
    families: Vec<model::MetricFamily>,
    resource: &opentelemetry_sdk::Resource,
    period: ExportPeriod,
) -> ExportMetricsServiceRequest {
    let attributes =
        resource.iter().map(|(key, value)| attribute(key.to_string(), value.to_string()));
    let scope = InstrumentationScope {
        name: env!("CARGO_PKG_NAME").to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..Default::default()
    };
    let metrics = families.into_iter().filter_map(|family| metric(family, period)).collect();
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(Resource { attributes: attributes.collect(), ..Default::default() }),
            scope_metrics: vec![ScopeMetrics { scope: Some(scope), metrics, ..Default::default() }],
            ..Default::default()
        }],
    }
}

/// Converts a family; `None` if it has no sample.
fn metric(family: model::MetricFamily, period: ExportPeriod) -> Option<Metric> {
    let (mut gauges, mut sums, mut histograms) = (Vec::new(), Vec::new(), Vec::new());
    let points = family.metrics.into_iter().flat_map(|metric| {
        let labels = metric.labels;
        metric
            .metric_points
            .into_iter()
            .filter_map(move |point| Some((labels.clone(), point.value?)))
    });
    let mut suffix = "";
    for (labels, value) in points {
        match value {
            Value::GaugeValue(gauge) => {
                gauges.extend(gauge_value(gauge).map(|value| period.number(labels, value)));
            }
            Value::InfoValue(info) => {
                suffix = "_info";
                let one = number_data_point::Value::AsInt(1);
                gauges.push(period.number([labels, info.info].concat(), one));
            }
            Value::CounterValue(counter) => {
                suffix = "_total";
                sums.extend(counter_value(&counter).map(|value| period.number(labels, value)));
            }
            Value::HistogramValue(histogram) => {
                histograms.push(period.histogram(labels, histogram));
            }
            Value::UnknownValue(_) | Value::StateSetValue(_) | Value::SummaryValue(_) => {}
        }
    }
    let aggregation_temporality = AggregationTemporality::Cumulative.into();
    let data = if !histograms.is_empty() {
        Data::Histogram(Histogram { data_points: histograms, aggregation_temporality })
    } else if !sums.is_empty() {
        Data::Sum(Sum { data_points: sums, aggregation_temporality, is_monotonic: true })
    } else if !gauges.is_empty() {
        Data::Gauge(Gauge { data_points: gauges })
    } else {
        return None;
    };
    let unit = unit(&family.name).to_owned();
    let name = family.name + suffix;
    Some(Metric { name, description: family.help, unit, data: Some(data), ..Default::default() })
}

/// Returns the unit that a name ends in, by the Unified Code for Units of Measure, which OpenTelemetry uses.
fn unit(name: &str) -> &'static str {
    match name.rsplit('_').next() {
        Some("seconds") => "s",
        Some("bytes") => "By",
        _ => "",
    }
}

fn gauge_value(gauge: model::GaugeValue) -> Option<number_data_point::Value> {
    Some(match gauge.value? {
        model::gauge_value::Value::DoubleValue(value) => number_data_point::Value::AsDouble(value),
        model::gauge_value::Value::IntValue(value) => number_data_point::Value::AsInt(value),
    })
}

fn counter_value(counter: &model::CounterValue) -> Option<number_data_point::Value> {
    Some(match counter.total? {
        Total::DoubleValue(value) => number_data_point::Value::AsDouble(value),
        Total::IntValue(value) => {
            number_data_point::Value::AsInt(i64::try_from(value).unwrap_or(i64::MAX))
        }
    })
}

/// Returns an exemplar, whose only label is the id of a trace.
fn exemplar(exemplar: model::Exemplar) -> Exemplar {
    let trace = exemplar.label.into_iter().find(|label| label.name == "trace_id");
    let trace = trace.and_then(|label| u128::from_str_radix(&label.value, 16).ok());
    let time = exemplar.timestamp.and_then(|time| Timestamp::new(time.seconds, time.nanos).ok());
    let nanos = time.and_then(|time| u64::try_from(time.as_nanosecond()).ok());
    Exemplar {
        time_unix_nano: nanos.unwrap_or_default(),
        trace_id: trace.map(|trace| trace.to_be_bytes().to_vec()).unwrap_or_default(),
        value: Some(exemplar::Value::AsDouble(exemplar.value)),
        ..Default::default()
    }
}

fn attributes(labels: Vec<model::Label>) -> Vec<KeyValue> {
    labels.into_iter().map(|label| attribute(label.name, label.value)).collect()
}

fn attribute(key: String, value: String) -> KeyValue {
    let value = Some(AnyValue { value: Some(any_value::Value::StringValue(value)) });
    KeyValue { key, value, ..Default::default() }
}

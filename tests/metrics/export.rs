//! The export of metrics by OTLP.

use std::{collections::BTreeSet, time::Duration};

use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Metric, metric::Data, number_data_point::Value,
};

use super::{OF_PROMETHEUS, names, scrape, start_busy};
use crate::{
    expect::granted,
    support::{
        direct::Direct,
        otlp::{OtlpReceiver, Protocol, attribute},
        wait::eventually,
    },
};

/// The names that metrics had before they had a prefix. They are not exported.
const FORMER: [&str; 9] = [
    "accept_errors_total",
    "api_requests_total",
    "build_info",
    "cache_requests_total",
    "cache_tokens",
    "decisions_total",
    "panics_total",
    "ready",
    "vault_requests_total",
];

const SOON: Duration = Duration::from_secs(20);

/// Returns the sum of the points of a counter with these attributes.
fn total(metrics: &[Metric], name: &str, wanted: &[(&str, &str)]) -> i64 {
    let metric = metrics.iter().find(|metric| metric.name == name).expect(name);
    let Some(Data::Sum(sum)) = &metric.data else { panic!("{name} is no sum") };
    assert!(sum.is_monotonic);
    assert_eq!(sum.aggregation_temporality(), AggregationTemporality::Cumulative);
    let points = sum.data_points.iter().filter(|point| {
        assert!(0 < point.start_time_unix_nano, "{name}");
        assert!(point.start_time_unix_nano < point.time_unix_nano, "{name}");
        let has = |(key, value): &(&str, &str)| {
            attribute(&point.attributes, key).as_deref() == Some(*value)
        };
        wanted.iter().all(has)
    });
    points
        .map(|point| match point.value {
            Some(Value::AsInt(value)) => value,
            other => panic!("{name}: {other:?}"),
        })
        .sum()
}

async fn names_are_those_of_metrics(protocol: Protocol, name: &str) {
    let receiver = OtlpReceiver::start().await;
    let endpoint = receiver.endpoint();
    let service = start_busy(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
        ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", name),
        ("OTEL_EXPORTER_OTLP_METRICS_HEADERS", "authorization=Bearer%20canary"),
        ("OTEL_TRACES_EXPORTER", "none"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "300"),
        ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test"),
    ])
    .await;
    // What the service has recorded by now is in the export after the next.
    let sent = receiver.received().metrics.len();
    let exports = eventually(SOON, "two exports", async || {
        let exports = receiver.received().metrics;
        (exports.len() > sent + 1).then_some(exports)
    })
    .await;
    let last = exports.last().expect("an export");
    assert_eq!(last.protocol, protocol);
    assert_eq!(last.headers["authorization"], "Bearer canary");
    let [resource] = &last.message.resource_metrics[..] else { panic!("{last:?}") };
    let attributes = &resource.resource.as_ref().expect("a resource").attributes;
    let is = |key: &str, value: &str| attribute(attributes, key).as_deref() == Some(value);
    assert!(is("service.name", "vault-auth-validator"), "{attributes:?}");
    assert!(is("service.version", env!("CARGO_PKG_VERSION")), "{attributes:?}");
    assert!(is("deployment.environment.name", "test"), "{attributes:?}");
    assert!(attribute(attributes, "service.instance.id").is_some(), "{attributes:?}");

    let metrics = resource.scope_metrics[0].metrics.clone();
    let exported: BTreeSet<_> = metrics.iter().map(|metric| metric.name.clone()).collect();
    let mut scraped = names(&scrape(&service, OF_PROMETHEUS).await.body);
    scraped.retain(|name| !FORMER.contains(&name.as_str()));
    assert!(exported.len() > 30, "{exported:?}");
    assert_eq!(exported, scraped);

    let allowed = [("result", "allow"), ("reason", "ok")];
    assert_eq!(total(&metrics, "vault_auth_decisions_total", &allowed), 2);
    let durations =
        metrics.iter().find(|metric| metric.name.ends_with("validate_duration_seconds"));
    let Some(Data::Histogram(histogram)) = durations.and_then(|metric| metric.data.as_ref()) else {
        panic!("no histogram")
    };
    assert_eq!(histogram.aggregation_temporality(), AggregationTemporality::Cumulative);
    for point in &histogram.data_points {
        assert_eq!(point.bucket_counts.len(), point.explicit_bounds.len() + 1);
        assert_eq!(point.bucket_counts.iter().sum::<u64>(), point.count);
        assert!(point.explicit_bounds.is_sorted() && point.explicit_bounds[0] < 0.000_011);
    }
    let decided = histogram.data_points.iter().map(|point| point.count).sum::<u64>();
    assert_eq!(decided, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn o1_names_over_http_are_those_of_metrics() {
    names_are_those_of_metrics(Protocol::Http, "http/protobuf").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn o1_names_over_grpc_are_those_of_metrics() {
    names_are_those_of_metrics(Protocol::Grpc, "grpc").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_exported_a_last_time_at_the_end() {
    let receiver = OtlpReceiver::start().await;
    let endpoint = receiver.endpoint();
    let service = Direct::start_with(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint)]).await;
    granted(&service.ask(service.acme.token()).await);
    assert!(receiver.received().metrics.is_empty(), "the interval is a minute");
    let ended = service.validator.process().stop_gracefully(Duration::from_secs(10)).await;
    assert!(ended.success(), "{ended}: {}", service.validator.log());
    let metrics: Vec<_> = receiver.metrics().into_iter().map(|(_, metric)| metric).collect();
    assert_eq!(total(&metrics, "vault_auth_decisions_total", &[("result", "allow")]), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn o6_receivers_outage_is_logged_once() {
    let receiver = OtlpReceiver::start().await;
    let (address, endpoint) = (receiver.address().to_owned(), receiver.endpoint());
    drop(receiver);
    let service = Direct::start_with(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
        ("OTEL_TRACES_EXPORTER", "none"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "50"),
    ])
    .await;
    let dropped = "vault_auth_telemetry_dropped_total{signal=\"metrics\"}";
    eventually(SOON, "failed exports", async || {
        (service.validator.count(dropped).await >= 3).then_some(())
    })
    .await;
    granted(&service.ask(service.acme.token()).await);
    let receiver = OtlpReceiver::start_on(&address).await;
    let again = "export to the OTLP receiver works again";
    eventually(SOON, again, async || service.validator.log().contains(again).then_some(())).await;
    assert!(!receiver.received().metrics.is_empty());
    let log = service.validator.log();
    assert_eq!(log.matches("export to the OTLP receiver fails").count(), 1, "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn o6_hanging_receiver_delays_nothing() {
    // It accepts connections in its queue, and never responds.
    let hanging = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let endpoint = format!("http://{}", hanging.local_addr().expect("its address"));
    let service = Direct::start_with(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
        ("OTEL_TRACES_EXPORTER", "none"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "50"),
    ])
    .await;
    for _ in 0..200 {
        granted(&service.ask(service.acme.token()).await);
    }
    let hits = "vault_auth_validate_duration_seconds_count{cache=\"hit\"}";
    assert_eq!(service.validator.count(hits).await, 199);
    let ended = service.validator.process().stop_gracefully(Duration::from_secs(5)).await;
    assert!(ended.success(), "{ended}: {}", service.validator.log());
}

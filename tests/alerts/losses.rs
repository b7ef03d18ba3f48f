//! Telemetry that is lost.

use super::{set, watch};
use crate::support::direct::Direct;

#[tokio::test(flavor = "multi_thread")]
async fn o3_missing_collector_is_reported() {
    let env = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "500"),
    ];
    let service = Direct::start_with(&env).await;
    let monitoring = watch(&service).await;
    monitoring.delivers("VaultAuthTelemetryDropped").await;
    assert_eq!(monitoring.fired().await, set(&["VaultAuthTelemetryDropped"]));
}

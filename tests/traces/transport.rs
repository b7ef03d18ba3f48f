use std::process::Command;

use super::{Traced, single};
use crate::support::{
    direct::Direct,
    otlp::{OtlpReceiver, Protocol, attribute},
    tls::Leaf,
    tools,
};

#[tokio::test(flavor = "multi_thread")]
async fn spans_and_logs_arrive_by_http_and_by_grpc() {
    for (name, protocol) in [("http/protobuf", Protocol::Http), ("grpc", Protocol::Grpc)] {
        let traced = Traced::start(&[
            ("OTEL_EXPORTER_OTLP_PROTOCOL", name),
            ("OTEL_EXPORTER_OTLP_HEADERS", "x-scope=edge"),
            ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test"),
        ])
        .await;
        assert_eq!(traced.ask(&[]).await, 200);
        let spans = traced.stop().await;
        single(&spans, "GET /validate");
        assert!(!traced.receiver.logs().is_empty(), "{name}: no logs");
        let received = traced.receiver.received();
        for request in &received.traces {
            assert_eq!(request.protocol, protocol);
            assert_eq!(request.headers["x-scope"], "edge");
        }
        assert!(received.logs.iter().all(|request| request.protocol == protocol));
        let (resource, _) = &traced.receiver.spans()[0];
        for (key, value) in [
            ("service.name", "vault-auth-validator"),
            ("service.version", env!("CARGO_PKG_VERSION")),
            ("deployment.environment.name", "test"),
        ] {
            assert_eq!(attribute(&resource.attributes, key).as_deref(), Some(value), "{key}");
        }
        let log = traced.service.validator.log();
        assert!(!log.contains("OTLP"), "{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn signals_have_protocols_of_their_own() {
    let traced = Traced::start(&[
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", "http/protobuf"),
    ])
    .await;
    assert_eq!(traced.ask(&[]).await, 200);
    traced.stop().await;
    let received = traced.receiver.received();
    assert_eq!(received.traces[0].protocol, Protocol::Grpc);
    assert_eq!(received.logs[0].protocol, Protocol::Http);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_exported_if_both_exporters_are_off() {
    let off = [("OTEL_TRACES_EXPORTER", "none"), ("OTEL_LOGS_EXPORTER", "none")];
    let traced = Traced::start(&off).await;
    assert_eq!(traced.ask(&[]).await, 200);
    assert!(traced.stop().await.is_empty());
    assert!(traced.receiver.logs().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn certificate_of_the_receiver_is_checked() {
    let certificate = Leaf::new(&["localhost"]);
    let path = certificate.certificate().display().to_string();
    for (name, protocol) in [("http/protobuf", Protocol::Http), ("grpc", Protocol::Grpc)] {
        for trusted in [&[("SSL_CERT_FILE", path.as_str())][..], &[]] {
            let otlp = OtlpReceiver::start_tls(&certificate).await;
            let endpoint = otlp.endpoint();
            let export = [
                ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
                ("OTEL_EXPORTER_OTLP_PROTOCOL", name),
            ];
            let service = Direct::start_with(&[&export[..], trusted].concat()).await;
            assert_eq!(service.ask(service.acme.token()).await.status, 200);
            super::stop(&service).await;
            let received = otlp.received();
            let is_trusted = !trusted.is_empty();
            assert_eq!(!received.traces.is_empty(), is_trusted, "{name}: {received:?}");
            assert_eq!(!received.logs.is_empty(), is_trusted, "{name}");
            assert!(received.traces.iter().all(|request| request.protocol == protocol));
            let fails = service.validator.log().contains("export to the OTLP receiver fails");
            assert_eq!(fails, !is_trusted, "{name}: {}", service.validator.log());
        }
    }
}

#[test]
fn wrong_settings_are_reported_at_the_start() {
    let check = |variables: &[(&str, &str)]| {
        let ended = Command::new(tools::validator())
            .args(["serve", "--check"])
            .env_clear()
            .env("VAULT_ADDR", "http://127.0.0.1:9")
            .env("VAULT_TOKEN", "s.xxxxxxxxxxxxxxxxxxxxxxxx")
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
            .envs(variables.iter().copied())
            .output()
            .expect("the command");
        (ended.status.code(), String::from_utf8_lossy(&ended.stderr).into_owned())
    };
    let (status, text) = check(&[
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
        ("OTEL_TRACES_SAMPLER", "traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "1%"),
    ]);
    assert_eq!(status, Some(2), "{text}");
    for line in [
        "OTEL_EXPORTER_OTLP_PROTOCOL: must be http/protobuf or grpc",
        "OTEL_TRACES_SAMPLER_ARG: must be a ratio between 0 and 1, such as 0.01",
    ] {
        assert_eq!(text.matches(line).count(), 1, "{line}\n{text}");
    }
    let (status, text) = check(&[("OTEL_TRACES_SAMPLER", "parentbased_always_off")]);
    assert_eq!(status, Some(0), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_receiver_delays_nothing() {
    for protocol in ["http/protobuf", "grpc"] {
        let service = Direct::start_with(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
        ])
        .await;
        assert_eq!(service.ask(service.acme.token()).await.status, 200);
        super::stop(&service).await;
    }
}

use std::{fs, time::Duration};

use opentelemetry_proto::tonic::trace::v1::{Span, span::SpanKind};
use serde_json::json;

use super::{named, stop, value};
use crate::support::{
    backend::Backend,
    caddy::Caddy,
    direct::Direct,
    otlp::{OtlpReceiver, attribute, hex},
    platform,
    stack::bearer,
    tools,
    wait::eventually,
};

/// Returns the spans of the service with this name.
fn spans_of(receiver: &OtlpReceiver, service: &str) -> Vec<Span> {
    let sent = receiver.spans().into_iter();
    sent.filter(|(resource, _)| {
        attribute(&resource.attributes, "service.name").as_deref() == Some(service)
    })
    .map(|(_, span)| span)
    .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn o7_trace_joins_caddy_the_service_and_vault() {
    let receiver = OtlpReceiver::start().await;
    let endpoint = receiver.endpoint();
    let service = Direct::start_with(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint)]).await;
    let backend = Backend::start().await;
    let guard =
        fs::read_to_string(tools::repository("deploy/caddy/guard.caddy")).expect("the guard");
    let site = "tracing {\n\t\tspan crm\n\t}\n\timport guard \"acl=route/crm\" {\n\t\t\
                reverse_proxy {$CRM_UPSTREAM}\n\t}";
    let env = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_INSECURE", "true"),
        ("OTEL_BSP_SCHEDULE_DELAY", "100"),
        ("OTEL_SERVICE_NAME", "caddy"),
    ];
    let validator = service.validator.auth_address();
    let caddy = Caddy::with(&guard, site, validator, backend.address(), &env).await;
    let metadata = json!({"tenant": "acme"});
    let caller = platform::create_caller(&service.bao, "ann", metadata, &["route-crm"]).await;
    let authorization = bearer(&caller.token);
    let headers = [("authorization", authorization.as_str())];
    for _ in 0..2 {
        let answer = caddy.send("GET", "acme.crm.localhost", "/?page=1", &headers).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let edge = eventually(Duration::from_secs(20), "Caddy to send its spans", async || {
        let spans = spans_of(&receiver, "caddy");
        (named(&spans, "crm").len() >= 2).then_some(spans)
    })
    .await;
    stop(&service).await;
    let ours = spans_of(&receiver, "vault-auth-validator");
    let audit = service.bao.audit_log();
    let mut calls = Vec::new();
    for edge in named(&edge, "crm") {
        let in_trace = |span: &&Span| span.trace_id == edge.trace_id;
        let requests: Vec<_> =
            ours.iter().filter(in_trace).filter(|span| span.kind() == SpanKind::Server).collect();
        assert_eq!(requests.len(), 1, "{ours:?}");
        assert_eq!(requests[0].name, "GET /validate");
        assert_eq!(hex(&requests[0].parent_span_id), hex(&edge.span_id), "not Caddy's child");
        for call in ours.iter().filter(in_trace).filter(|span| span.kind() == SpanKind::Client) {
            assert_eq!(call.parent_span_id, requests[0].span_id, "{call:?}");
            let id = value(call, "vault.request_id").expect("an id");
            let entry = audit.iter().find(|entry| entry["request"]["id"] == id.as_str());
            let path = entry.and_then(|entry| entry["request"]["path"].as_str());
            calls.push((call.name.clone(), path.unwrap_or_default().to_owned()));
        }
    }
    // The second request was answered from the cache. The entity is looked up with the token.
    calls.sort();
    let names: Vec<_> = calls.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["vault capabilities", "vault entity", "vault lookup"]);
    let paths: Vec<_> = calls.iter().map(|(_, path)| path.as_str()).collect();
    assert_eq!(paths[0], "sys/capabilities");
    assert!(paths[1].starts_with("identity/entity/id/"), "{paths:?}");
    assert_eq!(paths[2], "auth/token/lookup");
    let traces: Vec<_> = named(&edge, "crm").iter().map(|span| &span.trace_id).collect();
    assert!(ours.iter().all(|span| traces.contains(&&span.trace_id)), "spans of no request");
}

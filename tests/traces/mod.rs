//! Traces and exported logs: their destination, and the data that they contain and omit.

mod caddy;
mod logs;
mod outages;
mod parents;
mod sampling;
mod secrecy;
mod spans;
mod transport;

use std::time::Duration;

use opentelemetry_proto::tonic::trace::v1::Span;

use crate::support::{
    direct::Direct,
    otlp::{OtlpReceiver, attribute, hex},
};

/// A platform that exports to a receiver. Fields are in the order in which they are to be stopped.
struct Traced {
    service: Direct,
    receiver: OtlpReceiver,
}

impl Traced {
    /// Starts everything, with variables for the validator.
    async fn start(env: &[(&str, &str)]) -> Self {
        let receiver = OtlpReceiver::start().await;
        let endpoint = receiver.endpoint();
        let env = [&[("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str())], env].concat();
        Self { service: Direct::start_with(&env).await, receiver }
    }

    /// Stops the validator, which sends what it has, and returns all spans.
    async fn stop(&self) -> Vec<Span> {
        stop(&self.service).await;
        self.receiver.spans().into_iter().map(|(_, span)| span).collect()
    }

    /// Validates acme's token with these headers.
    async fn ask(&self, headers: &[(&str, &str)]) -> u16 {
        let token = [("x-vault-token", self.service.acme.token())];
        let answer = self.service.validator.validate("", &[&token, headers].concat()).await;
        answer.status
    }
}

/// Stops the validator and waits until it has exited.
async fn stop(service: &Direct) {
    let ended = service.validator.process().stop_gracefully(Duration::from_secs(20)).await;
    assert!(ended.success(), "{ended}: {}", service.validator.log());
}

/// Returns the value of an attribute of a span.
fn value(span: &Span, key: &str) -> Option<String> {
    attribute(&span.attributes, key)
}

/// Returns the spans of this name.
fn named<'s>(spans: &'s [Span], name: &str) -> Vec<&'s Span> {
    spans.iter().filter(|span| span.name == name).collect()
}

/// Returns the only span of this name.
fn single<'s>(spans: &'s [Span], name: &str) -> &'s Span {
    let found = named(spans, name);
    assert_eq!(found.len(), 1, "{name} in {:?}", names(spans));
    found[0]
}

fn names(spans: &[Span]) -> Vec<(&str, String, String)> {
    let one = |span: &Span| (hex(&span.span_id), hex(&span.parent_span_id));
    spans.iter().map(|span| (span.name.as_str(), one(span).0, one(span).1)).collect()
}

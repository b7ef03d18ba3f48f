use opentelemetry_proto::tonic::logs::v1::{LogRecord, SeverityNumber};

use super::{Traced, single};
use crate::{
    expect::refused,
    support::otlp::{attribute, hex, value_text},
};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

fn body(record: &LogRecord) -> String {
    record.body.as_ref().map(value_text).unwrap_or_default()
}

impl Traced {
    /// Returns the log records with this text.
    fn records(&self, text: &str) -> Vec<LogRecord> {
        let all = self.receiver.logs().into_iter().map(|(_, record)| record);
        all.filter(|record| body(record) == text).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn log_lines_are_exported_with_their_trace() {
    let traced = Traced::start(&[]).await;
    let parent = format!("00-{TRACE}-b7ad6b7169203331-01");
    let token = traced.service.acme.token();
    let headers = [("x-vault-token", token), ("traceparent", &parent), ("x-request-id", "r-1")];
    let answer = traced.service.validator.validate("tenant=globex", &headers).await;
    assert_eq!(answer.status, 403);
    let spans = traced.stop().await;
    let span = single(&spans, "GET /validate");

    let refusals = traced.records("refused");
    assert_eq!(refusals.len(), 1, "{refusals:?}");
    let record = &refusals[0];
    assert_eq!(record.severity_number(), SeverityNumber::Info);
    assert_eq!(record.severity_text, "INFO");
    let value = |key: &str| attribute(&record.attributes, key);
    assert_eq!(value("code").as_deref(), Some("tenant_mismatch"));
    assert_eq!(value("request_id").as_deref(), Some("r-1"));
    assert_eq!(hex(&record.trace_id), TRACE);
    assert_eq!(hex(&record.span_id), hex(&span.span_id));
    assert!(record.time_unix_nano > 0 && record.time_unix_nano >= span.start_time_unix_nano);
    // The same lines are on standard error, and those of the start are exported, too.
    assert!(traced.service.validator.log().contains("tenant_mismatch"));
    assert_eq!(traced.records("started").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn log_lines_have_the_trace_that_is_not_sampled() {
    let traced = Traced::start(&[]).await;
    let (parent, token) = (format!("00-{TRACE}-b7ad6b7169203331-00"), traced.service.acme.token());
    let headers = [("x-vault-token", token), ("traceparent", &parent)];
    let answer = traced.service.validator.validate("tenant=globex", &headers).await;
    assert_eq!(answer.status, 403);
    let unused = traced.service.validator.validate("", &[]).await;
    refused(&unused, "credential_missing");
    assert_eq!(traced.stop().await.len(), 1, "the request without a parent");
    let ids: Vec<_> =
        traced.records("refused").iter().map(|record| hex(&record.trace_id)).collect();
    assert_eq!(ids.len(), 2);
    assert!(ids.contains(&TRACE.to_owned()), "{ids:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_can_be_exported_without_traces() {
    let traced = Traced::start(&[("OTEL_TRACES_EXPORTER", "none")]).await;
    let answer = traced.service.validator.validate("", &[]).await;
    refused(&answer, "credential_missing");
    assert!(traced.stop().await.is_empty());
    assert_eq!(traced.records("refused").len(), 1);
}

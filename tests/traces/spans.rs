use std::collections::BTreeMap;

use opentelemetry_proto::tonic::trace::v1::{Span, span::SpanKind, status::StatusCode};

use super::{Traced, named, single, value};
use crate::{
    expect::refused,
    support::{
        fault::Fault,
        otlp::{hex, value_text},
    },
};

fn attributes(span: &Span) -> BTreeMap<&str, String> {
    let text = |value: &Option<_>| value.as_ref().map(value_text).unwrap_or_default();
    span.attributes.iter().map(|one| (one.key.as_str(), text(&one.value))).collect()
}

fn of<'a>(pairs: &[(&'a str, &str)]) -> BTreeMap<&'a str, String> {
    pairs.iter().map(|(key, value)| (*key, (*value).to_owned())).collect()
}

fn is_failed(span: &Span) -> bool {
    span.status.as_ref().is_some_and(|status| status.code() == StatusCode::Error)
}

/// Asserts that all spans of one trace but the first are children of it.
fn is_one_tree(spans: &[Span], root: &Span) {
    for span in spans.iter().filter(|span| span.span_id != root.span_id) {
        assert_eq!(hex(&span.trace_id), hex(&root.trace_id), "{span:?}");
        assert_eq!(hex(&span.parent_span_id), hex(&root.span_id), "{span:?}");
        assert_eq!(span.kind(), SpanKind::Client);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn o8_validate_has_the_conventional_attributes() {
    let traced = Traced::start(&[]).await;
    let forwarded = [
        ("x-vault-token", traced.service.acme.token()),
        ("x-forwarded-for", "203.0.113.7"),
        ("x-forwarded-host", "CRM.example.com"),
        ("x-forwarded-method", "GET"),
        ("x-forwarded-uri", "/customers/7?name=secret"),
    ];
    let validator = &traced.service.validator;
    refused(&validator.validate("tenant=globex", &forwarded).await, "tenant_mismatch");
    let spans = traced.stop().await;
    let span = single(&spans, "GET /validate");
    assert_eq!(span.kind(), SpanKind::Server);
    assert!(!is_failed(span), "a 4xx is no failure of the server");
    let expected = [
        ("client.address", "203.0.113.7"),
        ("http.request.method", "GET"),
        ("http.response.status_code", "403"),
        ("http.route", "/validate"),
        ("network.peer.address", "127.0.0.1"),
        ("url.scheme", "http"),
        ("vault_auth.cache", "miss"),
        ("vault_auth.forwarded.host", "crm.example.com"),
        ("vault_auth.forwarded.path", "/customers/7"),
        ("vault_auth.reason", "tenant_mismatch"),
        ("vault_auth.result", "deny"),
    ];
    assert_eq!(attributes(span), of(&expected));
    is_one_tree(&spans, span);
}

#[tokio::test(flavor = "multi_thread")]
async fn vault_calls_carry_the_id_of_the_audit_log() {
    let traced = Traced::start(&[]).await;
    assert_eq!(traced.ask(&[]).await, 200);
    let token = traced.service.acme.token();
    refused(&traced.service.request("GET", "/", "acl=route/crm", token).await, "acl_denied");
    let unknown = traced.service.ask("s.unknownunknownunknownunk").await;
    refused(&unknown, "token_invalid");
    let spans = traced.stop().await;
    let authority = traced.service.fault.addr();
    let (host, port) = authority.trim_start_matches("http://").split_once(':').expect("a port");
    let entries = traced.service.bao.audit_log();
    let audited: Vec<_> =
        entries.iter().filter_map(|entry| entry["request"]["id"].as_str()).collect();
    let calls: Vec<_> = spans.iter().filter(|span| span.name.starts_with("vault ")).collect();
    let outcomes: Vec<_> = calls
        .iter()
        .map(|span| {
            (span.name.as_str(), value(span, "vault_auth.vault.outcome").unwrap_or_default())
        })
        .collect();
    for call in [("vault lookup", "ok"), ("vault capabilities", "ok"), ("vault lookup", "refused")]
    {
        assert!(outcomes.contains(&(call.0, call.1.to_owned())), "{call:?} in {outcomes:?}");
    }
    for span in calls {
        assert_eq!(span.kind(), SpanKind::Client);
        let operation = span.name.trim_start_matches("vault ");
        assert_eq!(value(span, "vault_auth.vault.operation").as_deref(), Some(operation));
        assert_eq!(value(span, "server.address").as_deref(), Some(host));
        assert_eq!(value(span, "server.port").as_deref(), Some(port));
        match value(span, "http.response.status_code").as_deref() {
            Some("200") => {
                let id = value(span, "vault.request_id").expect("an id");
                assert!(
                    audited.contains(&id.as_str()),
                    "{id} of {operation} is not in {audited:?}"
                );
            }
            // OpenBao's errors have no id.
            status => {
                assert_eq!((status, value(span, "vault.request_id")), (Some("403"), None));
                assert!(is_failed(span));
                assert_eq!(value(span, "error.type").as_deref(), Some("refused"));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn o8_api_requests_are_named_by_their_route() {
    let traced = Traced::start(&[]).await;
    let (service, token) = (&traced.service, traced.service.acme.token());
    let list = "/v1/tenants/acme/secrets?limit=3";
    assert_eq!(service.api("GET", list, token, &[], None).await.status, 200);
    let unknown = "/v1/tenants/acme/secrets/none";
    assert_eq!(service.api("GET", unknown, token, &[], None).await.status, 404);
    assert_eq!(service.api("BREW", "/nothing/here", token, &[], None).await.status, 404);
    let spans = traced.stop().await;
    let listed = single(&spans, "GET /v1/tenants/{tenant}/secrets");
    let expected = [
        ("http.request.method", "GET"),
        ("http.response.status_code", "200"),
        ("http.route", "/v1/tenants/{tenant}/secrets"),
        ("network.peer.address", "127.0.0.1"),
        ("url.scheme", "http"),
    ];
    assert_eq!(attributes(listed), of(&expected));
    let calls: Vec<_> = spans.iter().filter(|span| span.parent_span_id == listed.span_id).collect();
    assert!(calls.len() >= 2, "a lookup and a list: {calls:?}");
    let missing = single(&spans, "GET /v1/tenants/{tenant}/secrets/{*name}");
    assert_eq!(value(missing, "http.response.status_code").as_deref(), Some("404"));
    assert!(!is_failed(missing));
    let unmatched = single(&spans, "HTTP");
    assert_eq!(value(unmatched, "http.request.method").as_deref(), Some("_OTHER"));
    assert_eq!(value(unmatched, "http.route"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn o8_failures_have_the_code_of_the_problem() {
    let traced = Traced::start(&[("VALIDATOR_CACHE_TTL", "0s")]).await;
    let service = &traced.service;
    service.fault.set(Fault::Reset).await;
    let token = service.acme.token();
    refused(&service.ask(token).await, "vault_unavailable");
    let list = "/v1/tenants/acme/secrets";
    assert_eq!(service.api("GET", list, token, &[], None).await.status, 503);
    service.fault.set(Fault::Pass).await;
    let spans = traced.stop().await;
    for name in ["GET /validate", "GET /v1/tenants/{tenant}/secrets"] {
        let span = single(&spans, name);
        assert!(is_failed(span), "{span:?}");
        assert_eq!(value(span, "error.type").as_deref(), Some("vault_unavailable"));
        assert_eq!(value(span, "http.response.status_code").as_deref(), Some("503"));
    }
    let lookups = named(&spans, "vault lookup");
    assert!(!lookups.is_empty(), "{spans:?}");
    for lookup in lookups {
        assert_eq!(value(lookup, "error.type").as_deref(), Some("reset"));
    }
}

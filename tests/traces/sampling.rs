use std::collections::BTreeSet;

use super::{Traced, named, value};
use crate::expect::{granted, refused};

#[tokio::test(flavor = "multi_thread")]
async fn sampled_request_has_one_span() {
    let traced = Traced::start(&[]).await;
    for _ in 0..20 {
        assert_eq!(traced.ask(&[]).await, 200);
    }
    let token = [("x-vault-token", traced.service.acme.token())];
    for _ in 0..5 {
        refused(
            &traced.service.validator.validate("tenant=globex", &token).await,
            "tenant_mismatch",
        );
    }
    let spans = traced.stop().await;
    let requests = named(&spans, "GET /validate");
    assert_eq!(requests.len(), 25, "{spans:?}");
    let ids: BTreeSet<_> = requests.iter().map(|span| &span.trace_id).collect();
    assert_eq!(ids.len(), 25, "traces with a shared id");
    let with = |key: &str, wanted: &str| {
        requests.iter().filter(|span| value(span, key).as_deref() == Some(wanted)).count()
    };
    assert_eq!(with("vault_auth.cache", "miss"), 1);
    assert_eq!(with("vault_auth.cache", "hit"), 24);
    assert_eq!(with("vault_auth.result", "deny"), 5);
    for span in requests {
        assert!(span.start_time_unix_nano <= span.end_time_unix_nano, "{span:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_sampled_at_the_configured_ratio() {
    let traced = Traced::start(&[
        ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "0.1"),
    ])
    .await;
    for _ in 0..1_000 {
        assert_eq!(traced.ask(&[]).await, 200);
        // Another path: it is never answered from the cache alone.
        let answer = traced.service.validator.validate("tenant=acme", &[]).await;
        refused(&answer, "credential_missing");
    }
    let spans = traced.stop().await;
    for result in ["allow", "deny"] {
        let requests = named(&spans, "GET /validate");
        let sampled = |span: &&&_| value(span, "vault_auth.result").as_deref() == Some(result);
        let count = requests.iter().filter(sampled).count();
        // Six standard deviations off 100.
        assert!((43..=157).contains(&count), "{count} of 1,000 with {result}");
    }
    // The ids fit the ratio, for others that decide by it.
    for span in &spans {
        let low = span.trace_id[8..].iter().fold(0_u64, |low, byte| low << 8 | u64::from(*byte));
        assert!((low >> 1) < (1_u64 << 63) / 10, "{:?}", span.trace_id);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sampled_if_the_sampler_is_off() {
    let traced = Traced::start(&[("OTEL_TRACES_SAMPLER", "always_off")]).await;
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    for _ in 0..3 {
        assert_eq!(traced.ask(&[("traceparent", parent)]).await, 200);
    }
    granted(&traced.service.require("tenant=acme", traced.service.acme.token()).await);
    assert!(traced.stop().await.is_empty());
}

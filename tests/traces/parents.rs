use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};

use super::{Traced, named, single, value};
use crate::support::otlp::hex;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

fn parent(flags: &str) -> String {
    format!("00-{TRACE}-{PARENT}-{flags}")
}

#[tokio::test(flavor = "multi_thread")]
async fn o7_trace_of_a_trusted_proxy_is_continued() {
    let traced = Traced::start(&[]).await;
    let sampled = parent("01");
    let headers = [("traceparent", sampled.as_str()), ("tracestate", "one=1,two=2")];
    for _ in 0..2 {
        assert_eq!(traced.ask(&headers).await, 200);
    }
    let spans = traced.stop().await;
    let requests = named(&spans, "GET /validate");
    let caches: Vec<_> = requests.iter().map(|span| value(span, "vault_auth.cache")).collect();
    assert_eq!(caches, [Some("miss".to_owned()), Some("hit".to_owned())]);
    for span in requests {
        assert_eq!(hex(&span.trace_id), TRACE);
        assert_eq!(hex(&span.parent_span_id), PARENT);
        assert_eq!(span.trace_state, "one=1,two=2");
    }
    let lookup = single(&spans, "vault lookup");
    assert_eq!((hex(&lookup.trace_id), lookup.trace_state.as_str()), (TRACE.into(), "one=1,two=2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn o7_sampled_flag_is_kept() {
    // The ratio is for requests without a parent: none of those is sampled.
    let traced = Traced::start(&[
        ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "0"),
    ])
    .await;
    let [sampled, unsampled] = ["01", "00"].map(parent);
    // The second request of each kind is answered from the cache.
    for headers in [
        &[("traceparent", unsampled.as_str())][..],
        &[("traceparent", &unsampled)],
        &[],
        &[("traceparent", "garbage")],
        &[("traceparent", &sampled)],
    ] {
        assert_eq!(traced.ask(headers).await, 200);
    }
    let spans = traced.stop().await;
    let span = single(&spans, "GET /validate");
    assert_eq!(hex(&span.parent_span_id), PARENT);
    assert_eq!(spans.len(), 1, "{spans:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn o7_trace_of_an_untrusted_peer_is_ignored() {
    let untrusted = [("VALIDATOR_TRUSTED_PROXIES", "192.0.2.0/24")];
    let traced = Traced::start(&untrusted).await;
    for flags in ["01", "00", "01"] {
        let parent = parent(flags);
        let headers = [("traceparent", parent.as_str()), ("tracestate", "one=1")];
        assert_eq!(traced.ask(&headers).await, 200);
    }
    let spans = traced.stop().await;
    let requests = named(&spans, "GET /validate");
    assert_eq!(requests.len(), 3, "{spans:?}");
    for span in requests {
        assert_ne!(hex(&span.trace_id), TRACE);
        assert_eq!((hex(&span.parent_span_id), span.trace_state.as_str()), (String::new(), ""));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn o7_junk_starts_a_trace_of_its_own() {
    let traced = Traced::start(&[]).await;
    let mut runner = TestRunner::default();
    // A single wrong character, a wrong length, and anything that a header can have.
    let wrong = (0_usize..55, "[G-Zg-z_.]").prop_map(|(at, wrong)| {
        let mut value = parent("01");
        value.replace_range(at..=at, &wrong);
        value
    });
    let short = (0_usize..55).prop_map(|length| parent("01")[..length].to_owned());
    let junk = prop_oneof![wrong, short, "[!-~]{0,80}"];
    let values: Vec<_> =
        (0..60).map(|_| junk.new_tree(&mut runner).expect("a value").current()).collect();
    for value in &values {
        assert_eq!(traced.ask(&[("traceparent", value)]).await, 200, "{value}");
    }
    let (first, second) = (parent("01"), parent("00"));
    assert_eq!(traced.ask(&[("traceparent", &first), ("traceparent", &second)]).await, 200);
    let spans = traced.stop().await;
    let requests = named(&spans, "GET /validate");
    assert_eq!(requests.len(), values.len() + 1);
    for span in requests {
        assert!(span.parent_span_id.is_empty(), "{span:?} in {values:?}");
    }
}

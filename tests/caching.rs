//! Caching of tokens: its contents and its lifetimes.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncWriteExt, BufReader},
    net::TcpStream,
};

use crate::{
    expect::{granted, refused},
    support::{
        direct::Direct, fault::Fault, http::Answer, platform, raw::read_answer, wait::eventually,
    },
};

const TIMEOUT: Duration = Duration::from_secs(5);

/// Asserts that the token is accepted; returns the value of `X-Auth-Cache`.
async fn granted_from(service: &Direct, token: &str) -> String {
    let answer = service.ask(token).await;
    granted(&answer);
    cache_status(&answer)
}

fn cache_status(answer: &Answer) -> String {
    answer.header("x-auth-cache").expect("where the facts came from").to_owned()
}

/// Sends a hundred requests with this token while Vault is suspended, so that none of them finds
/// the response to another.
async fn a_hundred_at_once(service: &Direct, token: &str) -> Vec<Answer> {
    let request = format!("GET /validate HTTP/1.1\r\nHost: v\r\nX-Vault-Token: {token}\r\n\r\n");
    service.bao.freeze();
    let mut streams = Vec::new();
    for _ in 0..100 {
        let address = service.validator.auth_address();
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        stream.write_all(request.as_bytes()).await.expect("the request is sent");
        streams.push(BufReader::new(stream));
    }
    service.bao.thaw();
    let answers =
        streams.iter_mut().map(async |stream| read_answer(stream).await.expect("an answer").into());
    join_all(answers).await
}

#[tokio::test(flavor = "multi_thread")]
async fn second_request_hits_cache() {
    let service = Direct::start().await;
    assert_eq!(granted_from(&service, service.acme.token()).await, "miss");
    for _ in 0..5 {
        assert_eq!(granted_from(&service, service.acme.token()).await, "hit");
    }
    assert_eq!(service.calls("lookup").await, 1);
    assert_eq!(service.calls("entity").await, 1);
    assert_eq!(service.validator.count("cache_requests_total{status=\"hit\"}").await, 5);
    assert_eq!(service.validator.count("cache_requests_total{status=\"miss\"}").await, 1);
    assert_eq!(service.validator.count("decisions_total{result=\"allow\"}").await, 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_misses_share_one_lookup() {
    let service = Direct::start_with(&[("VALIDATOR_VAULT_TIMEOUT", "10s")]).await;
    for answer in a_hundred_at_once(&service, service.acme.token()).await {
        granted(&answer);
    }
    let ok = "vault_requests_total{operation=\"lookup\",outcome=\"ok\"}";
    assert_eq!(service.validator.count(ok).await, 1);
    assert_eq!(service.calls("lookup").await, 1);
    assert_eq!(service.bao.audited("auth/token/lookup"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_tokens_share_one_lookup() {
    let service = Direct::start_with(&[("VALIDATOR_VAULT_TIMEOUT", "10s")]).await;
    for answer in a_hundred_at_once(&service, "s.unknown").await {
        refused(&answer, "token_invalid");
    }
    assert_eq!(service.calls("lookup").await, 1);
    assert_eq!(service.bao.audited("auth/token/lookup"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn revocation_applies_within_ttl() {
    let service = Direct::start_with(&[("VALIDATOR_CACHE_TTL", "1s")]).await;
    let token = service.acme.token();
    granted(&service.ask(token).await);
    service.bao.must("POST", "auth/token/revoke", Some(json!({ "token": token }))).await;
    let revoked = Instant::now();
    loop {
        let asked = Instant::now();
        let answer = service.ask(token).await;
        if answer.status != 200 {
            return refused(&answer, "token_invalid");
        }
        assert!(asked < revoked + Duration::from_secs(1), "still let in");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn disabling_applies_within_ttl() {
    let service = Direct::start_with(&[("VALIDATOR_CACHE_TTL", "1s")]).await;
    let caller = &service.acme.caller;
    granted(&service.ask(&caller.token).await);
    let path = format!("identity/entity/id/{}", caller.entity_id);
    service.bao.must("POST", &path, Some(json!({"disabled": true}))).await;
    let answer = eventually(TIMEOUT, "a refusal", async || {
        let answer = service.ask(&caller.token).await;
        (answer.status != 200).then_some(answer)
    })
    .await;
    refused(&answer, "token_invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn cache_entry_expires_with_token() {
    let service = Direct::start_with(&[("VALIDATOR_STALE_GRACE", "30s")]).await;
    let token = platform::token(&service.bao, json!({"policies": ["tenant"], "ttl": "3s"})).await;
    let end = Instant::now() + Duration::from_secs(3);
    let mut from_memory = 0;
    loop {
        let asked = Instant::now();
        let answer = service.ask(&token).await;
        if answer.status != 200 {
            refused(&answer, "token_invalid");
            break;
        }
        let from = cache_status(&answer);
        assert!(from == "miss" || asked < end, "{from} after its end");
        from_memory += usize::from(from == "hit");
    }
    assert!(from_memory > 0, "nothing was remembered, so nothing was shown");
}

#[tokio::test(flavor = "multi_thread")]
async fn rejection_is_cached() {
    let service = Direct::start_with(&[("VALIDATOR_NEGATIVE_TTL", "1m")]).await;
    for _ in 0..5 {
        refused(&service.ask("s.unknown").await, "token_invalid");
    }
    assert_eq!(service.calls("lookup").await, 1);
    refused(&service.ask("s.another").await, "token_invalid");
    assert_eq!(service.calls("lookup").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn cached_rejection_expires() {
    let service = Direct::start_with(&[("VALIDATOR_NEGATIVE_TTL", "500ms")]).await;
    refused(&service.ask("chosen-later").await, "token_invalid");
    platform::token(&service.bao, json!({"policies": ["tenant"], "id": "chosen-later"})).await;
    let answer = eventually(TIMEOUT, "the token to be let in", async || {
        let answer = service.ask("chosen-later").await;
        (answer.status == 200).then_some(answer)
    })
    .await;
    assert_eq!(cache_status(&answer), "miss");
}

#[tokio::test(flavor = "multi_thread")]
async fn zero_ttl_disables_caching() {
    let service =
        Direct::start_with(&[("VALIDATOR_CACHE_TTL", "0s"), ("VALIDATOR_NEGATIVE_TTL", "0s")])
            .await;
    for _ in 0..3 {
        assert_eq!(granted_from(&service, service.acme.token()).await, "miss");
        refused(&service.ask("s.unknown").await, "token_invalid");
    }
    assert_eq!(service.calls("lookup").await, 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn outage_is_not_cached() {
    let service = Direct::start_with(&[("VALIDATOR_NEGATIVE_TTL", "1m")]).await;
    service.fault.set_for("/v1/auth/token/lookup", Fault::Status(500, r#"{"errors":[]}"#)).await;
    refused(&service.ask(service.acme.token()).await, "vault_unavailable");
    service.fault.set(Fault::Pass).await;
    assert_eq!(granted_from(&service, service.acme.token()).await, "miss");
}

#[tokio::test(flavor = "multi_thread")]
async fn outage_response_is_marked_stale() {
    let service = Direct::start_with(&GRACE).await;
    let token = service.acme.token();
    granted(&service.ask(token).await);
    service.bao.freeze();
    let stale = eventually(TIMEOUT, "a stale answer", async || {
        let answer = service.ask(token).await;
        (cache_status(&answer) == "stale").then_some(answer)
    })
    .await;
    assert_eq!(granted(&stale)[2], "acme");
    let other_tenants = service.require("tenant=globex", token).await;
    refused(&other_tenants, "tenant_mismatch");
    refused(&service.ask("s.unknown").await, "vault_unavailable");
    assert!(service.validator.count("cache_requests_total{status=\"stale\"}").await >= 1);
    service.bao.thaw();
    // From a lookup of this request, or from one that was still in flight.
    eventually(TIMEOUT, "a fresh answer", async || {
        (granted_from(&service, token).await != "stale").then_some(())
    })
    .await;
}

/// A short time to live, a long grace, and a short timeout of calls to Vault.
const GRACE: [(&str, &str); 3] = [
    ("VALIDATOR_CACHE_TTL", "1s"),
    ("VALIDATOR_STALE_GRACE", "30s"),
    ("VALIDATOR_VAULT_TIMEOUT", "300ms"),
];

#[tokio::test(flavor = "multi_thread")]
async fn rejection_ends_grace() {
    let service = Direct::start_with(&GRACE).await;
    let token = service.acme.token();
    granted(&service.ask(token).await);
    service.bao.must("POST", "auth/token/revoke", Some(json!({ "token": token }))).await;
    eventually(TIMEOUT, "a refusal", async || {
        (service.ask(token).await.status == 401).then_some(())
    })
    .await;
    service.bao.freeze();
    let answer = eventually(TIMEOUT, "the refusal to be forgotten", async || {
        let answer = service.ask(token).await;
        (answer.status != 401).then_some(answer)
    })
    .await;
    refused(&answer, "vault_unavailable");
}

#[tokio::test(flavor = "multi_thread")]
async fn grace_ends_with_window_or_token() {
    let grace = [GRACE[0], ("VALIDATOR_STALE_GRACE", "2s"), GRACE[2]];
    let service = Direct::start_with(&grace).await;
    let short = platform::token(&service.bao, json!({"policies": ["tenant"], "ttl": "2s"})).await;
    granted(&service.ask(&short).await);
    let asked = Instant::now();
    granted(&service.ask(service.acme.token()).await);
    service.bao.freeze();
    let served_until = async |token: &str| loop {
        let answer = service.ask(token).await;
        if answer.status == 503 {
            return asked.elapsed();
        }
        granted(&answer);
    };
    let (short, long) = tokio::join!(served_until(&short), served_until(service.acme.token()));
    let timeout = Duration::from_millis(300);
    assert!(short < Duration::from_secs(2) + 2 * timeout, "{short:?}");
    let end = Duration::from_secs(3);
    assert!((end..end + 3 * timeout).contains(&long), "{long:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn stale_grace_is_off_by_default() {
    let service = Direct::start_with(&[GRACE[0], GRACE[2]]).await;
    granted(&service.ask(service.acme.token()).await);
    service.bao.freeze();
    let answer = eventually(TIMEOUT, "the time to live to pass", async || {
        let answer = service.ask(service.acme.token()).await;
        (answer.status != 200).then_some(answer)
    })
    .await;
    refused(&answer, "vault_unavailable");
}

#[tokio::test(flavor = "multi_thread")]
async fn hits_check_requirements() {
    let service = Direct::start().await;
    let token = service.acme.token();
    granted(&service.require("tenant=acme&policy=crm-agent", token).await);
    refused(&service.require("tenant=globex", token).await, "tenant_mismatch");
    refused(&service.require("policy=crm-admin", token).await, "policy_required");
    refused(&service.require("tenant=", token).await, "requirement_invalid");
    granted(&service.require("tenant=acme", token).await);
    for other in [token.to_uppercase(), format!("{token}x"), token[..token.len() - 1].to_owned()] {
        refused(&service.ask(&other).await, "token_invalid");
    }
    assert_eq!(service.calls("entity").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn operator_can_evict() {
    let service = Direct::start().await;
    let (acme, globex) = (&service.acme.caller, &service.globex.caller);
    let both = async || {
        (granted_from(&service, &acme.token).await, granted_from(&service, &globex.token).await)
    };
    let from = |acme: &str, globex: &str| (acme.to_owned(), globex.to_owned());
    assert_eq!(both().await, from("miss", "miss"));
    refused(&service.ask("s.unknown").await, "token_invalid");
    assert_eq!(
        service.validator.admin("GET", "/cache").await,
        (200, json!({"live": 2, "refused": 1}))
    );
    assert_eq!(service.validator.count("cache_tokens{kind=\"live\"}").await, 2);

    let path = format!("/cache/accessors/{}", acme.accessor);
    assert_eq!(service.validator.admin("DELETE", &path).await, (200, json!({"evicted": 1})));
    assert_eq!(both().await, from("miss", "hit"));
    let path = format!("/cache/entities/{}", globex.entity_id);
    assert_eq!(service.validator.admin("DELETE", &path).await, (200, json!({"evicted": 1})));
    assert_eq!(both().await, from("hit", "miss"));
    let path = "/cache/accessors/unknown";
    assert_eq!(service.validator.admin("DELETE", path).await, (200, json!({"evicted": 0})));
    assert_eq!(both().await, from("hit", "hit"));
    assert_eq!(service.validator.admin("DELETE", "/cache").await, (204, Value::Null));
    assert_eq!(
        service.validator.admin("GET", "/cache").await,
        (200, json!({"live": 0, "refused": 0}))
    );
    assert_eq!(both().await, from("miss", "miss"));
}

#[tokio::test(flavor = "multi_thread")]
async fn eviction_during_outage_ends_grace() {
    let service = Direct::start_with(&GRACE).await;
    let caller = &service.acme.caller;
    granted(&service.ask(&caller.token).await);
    service.bao.freeze();
    let path = format!("/cache/accessors/{}", caller.accessor);
    assert_eq!(service.validator.admin("DELETE", &path).await.1, json!({"evicted": 1}));
    refused(&service.ask(&caller.token).await, "vault_unavailable");
}

#[tokio::test(flavor = "multi_thread")]
async fn cache_capacity_is_enforced() {
    let service = Direct::start_with(&[("VALIDATOR_CACHE_CAPACITY", "10")]).await;
    for number in 0..50 {
        let options = json!({"policies": ["tenant"], "ttl": "1h"});
        let token = platform::token(&service.bao, options).await;
        granted(&service.ask(&token).await);
        refused(&service.ask(&format!("s.unknown-{number}")).await, "token_invalid");
    }
    let (_, sizes) = service.validator.admin("GET", "/cache").await;
    let within = |kind: &str| sizes[kind].as_u64().is_some_and(|size| (1..=10).contains(&size));
    assert!(within("live") && within("refused"), "{sizes}");
}

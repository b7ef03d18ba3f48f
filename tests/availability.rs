//! A slow, silent or flooded Vault: the callers that are still served, and their latency.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::json;
use tokio::task::JoinSet;

use crate::{
    expect::{granted, refused},
    support::{
        direct::Direct,
        fault::Fault,
        http,
        platform::{self, set_policy, token_with},
        wait::eventually,
    },
};

const TIMEOUT: Duration = Duration::from_secs(10);

/// A short time to live, a long grace, and a timeout much longer than a request.
const GRACE: [(&str, &str); 3] = [
    ("VALIDATOR_CACHE_TTL", "1s"),
    ("VALIDATOR_STALE_GRACE", "60s"),
    ("VALIDATOR_VAULT_TIMEOUT", "2s"),
];

#[tokio::test(flavor = "multi_thread")]
async fn each_caller_has_its_own_timeout() {
    let service = Direct::start().await;
    service.fault.set_for("/v1/auth/token/lookup", Fault::Late(Duration::from_millis(2300))).await;
    let (first, second) = tokio::join!(service.ask(service.acme.token()), async {
        tokio::time::sleep(Duration::from_millis(1500)).await;
        service.ask(service.acme.token()).await
    });
    refused(&first, "vault_unavailable");
    granted(&second);
}

#[tokio::test(flavor = "multi_thread")]
async fn hang_serves_stale_tokens() {
    let service = Direct::start_with(&GRACE).await;
    let mut tokens = Vec::new();
    for _ in 0..60 {
        let token = platform::token(&service.bao, json!({"policies": ["tenant"]})).await;
        granted(&service.ask(&token).await);
        tokens.push(token);
    }
    service.bao.freeze();
    eventually(TIMEOUT, "a stale answer", async || {
        let answer = service.ask(&tokens[0]).await;
        (answer.header("x-auth-cache") == Some("stale")).then_some(())
    })
    .await;
    for token in &tokens {
        let asked = Instant::now();
        let answer = service.ask(token).await;
        granted(&answer);
        assert_eq!(answer.header("x-auth-cache"), Some("stale"));
        assert!(asked.elapsed() < Duration::from_secs(1), "after {:?}", asked.elapsed());
    }
    service.bao.thaw();
    eventually(TIMEOUT, "a fresh answer", async || {
        let answer = service.ask(&tokens[0]).await;
        granted(&answer);
        (answer.header("x-auth-cache") != Some("stale")).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn full_lookup_queue_serves_stale() {
    let service = Direct::start_with(&GRACE).await;
    let mut tokens = Vec::new();
    for _ in 0..300 {
        let token = platform::token(&service.bao, json!({"policies": ["tenant"]})).await;
        granted(&service.ask(&token).await);
        tokens.push(token);
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    service.bao.freeze();
    for answer in join_all(tokens.iter().map(|token| service.ask(token))).await {
        granted(&answer);
        assert_eq!(answer.header("x-auth-cache"), Some("stale"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn capabilities_refresh_in_background() {
    let service = Direct::start_with(&[("VALIDATOR_CACHE_TTL", "4s")]).await;
    let token = token_with(&service.bao, r#"path "route/*" { capabilities = ["read"] }"#).await;
    let get = async || service.request("GET", "/a", "acl=route/a&acl_uri=route", &token).await;
    granted(&get().await);
    let pause = Duration::from_millis(400);
    service.fault.set_for("/v1/", Fault::Late(pause)).await;
    let (start, calls) = (Instant::now(), service.calls("capabilities").await);
    while start.elapsed() < Duration::from_secs(9) {
        let asked = Instant::now();
        granted(&get().await);
        assert!(asked.elapsed() < pause, "after {:?}", asked.elapsed());
    }
    assert!(service.calls("capabilities").await > calls, "nothing was asked again");
}

#[tokio::test(flavor = "multi_thread")]
async fn stale_capabilities_need_stale_entry() {
    let env = [("VALIDATOR_CACHE_TTL", "2s"), ("VALIDATOR_STALE_GRACE", "60s")];
    let service = Direct::start_with(&env).await;
    let (name, path) = ("route-reader", "path \"route/*\"");
    set_policy(&service.bao, name, &format!("{path} {{ capabilities = [\"read\"] }}")).await;
    let options = json!({"policies": [name], "ttl": "7s"});
    let token = platform::token(&service.bao, options).await;
    let get = async || service.request("GET", "/", "acl=route/a", &token).await;
    granted(&get().await);
    set_policy(&service.bao, name, &format!("{path} {{ capabilities = [\"deny\"] }}")).await;
    let changed = Instant::now();
    // In its last second a token is looked up each time, and its entry is not kept.
    let mut denied = 0;
    loop {
        let asked = changed.elapsed();
        match get().await.status {
            401 => break,
            403 => denied += 1,
            status => assert!(asked < Duration::from_secs(2), "{status} after {asked:?}"),
        }
    }
    assert!(denied > 0, "the token ended too early");
}

#[tokio::test(flavor = "multi_thread")]
async fn hang_serves_stale_capabilities() {
    let service = Direct::start_with(&GRACE).await;
    let token = token_with(&service.bao, r#"path "route/*" { capabilities = ["read"] }"#).await;
    let get = async || service.request("GET", "/", "acl=route/a", &token).await;
    granted(&get().await);
    service.bao.freeze();
    eventually(TIMEOUT, "a stale answer", async || {
        let answer = get().await;
        (answer.header("x-auth-cache") == Some("stale")).then_some(())
    })
    .await;
    for _ in 0..5 {
        let asked = Instant::now();
        granted(&get().await);
        assert!(asked.elapsed() < Duration::from_secs(1), "after {:?}", asked.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn revocation_is_seen_after_hang() {
    let service = Direct::start_with(&GRACE).await;
    granted(&service.ask(service.acme.token()).await);
    granted(&service.ask(service.globex.token()).await);
    service.bao.freeze();
    eventually(TIMEOUT, "a stale answer", async || {
        let answer = service.ask(service.acme.token()).await;
        (answer.header("x-auth-cache") == Some("stale")).then_some(())
    })
    .await;
    // No lookup is in flight any more that could detect Vault's return.
    tokio::time::sleep(Duration::from_secs(5)).await;
    service.bao.thaw();
    service.validator.ready().await;
    let token = service.globex.token();
    service.bao.must("POST", "auth/token/revoke", Some(json!({ "token": token }))).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    refused(&service.ask(token).await, "token_invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn cached_tokens_are_queued() {
    let service = Direct::start_with(&[("VALIDATOR_VAULT_TIMEOUT", "10s")]).await;
    let mut tokens = Vec::new();
    for _ in 0..400 {
        let token = platform::token(&service.bao, json!({"policies": ["tenant"]})).await;
        granted(&service.ask(&token).await);
        tokens.push(token);
    }
    assert_eq!(service.validator.admin("DELETE", "/cache").await.0, 204);
    service.fault.set(Fault::Late(Duration::from_millis(300))).await;
    for answer in join_all(tokens.iter().map(|token| service.ask(token))).await {
        granted(&answer);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn checks_do_not_block_other_tokens() {
    let service = Direct::start_with(&[("VALIDATOR_CACHE_TTL", "0s")]).await;
    let token = token_with(&service.bao, r#"path "route/*" { capabilities = ["read"] }"#).await;
    granted(&service.ask(&token).await);
    granted(&service.ask(service.acme.token()).await);
    service.fault.set_for("/v1/sys/capabilities", Fault::Hang).await;
    let asks = (0..300).map(|number| {
        let path = format!("/{number}");
        let (service, token) = (&service, &token);
        async move { service.request("GET", &path, "acl_uri=route", token).await.status }
    });
    let (statuses, ()) = tokio::join!(join_all(asks), async {
        eventually(TIMEOUT, "questions to be under way", async || {
            (service.fault.struck() > 0).then_some(())
        })
        .await;
        for _ in 0..10 {
            granted(&service.ask(service.acme.token()).await);
        }
        assert!(service.fault.struck() <= 8, "{} at once", service.fault.struck());
    });
    assert!(statuses.iter().all(|status| *status == 503), "{statuses:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn cached_tokens_have_priority() {
    let env = [("VALIDATOR_CACHE_TTL", "0s"), ("VALIDATOR_FAILURE_LIMIT", "0")];
    let service = Direct::start_with(&env).await;
    granted(&service.ask(service.acme.token()).await);
    service.fault.set(Fault::Late(Duration::from_millis(300))).await;
    let mut flood = JoinSet::new();
    let client = http::client();
    for number in 0..2000 {
        let (client, url) = (client.clone(), format!("{}/validate", service.validator.auth_url()));
        flood.spawn(async move {
            let token = format!("s.{number:024}");
            let headers = [("x-vault-token", token.as_str())];
            http::send(&client, "GET", &url, &headers, None).await.expect("an answer").status
        });
    }
    eventually(TIMEOUT, "the first to be refused for want of capacity", async || {
        let overloaded = "decisions_total{reason=\"overloaded\"}";
        (service.validator.count(overloaded).await > 0).then_some(())
    })
    .await;
    granted(&service.ask(service.acme.token()).await);
    let statuses = flood.join_all().await;
    assert!(statuses.iter().all(|status| matches!(status, 401 | 503)), "{statuses:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn admin_flood_log_is_bounded() {
    let service = Direct::start().await;
    let url = format!("{}/audit", service.validator.admin_url());
    for (headers, body, words) in [
        ([("origin", "https://evil.example.com")], "", "admin request rejected"),
        ([("x-none", "")], "garbage", "an audit entry cannot be read"),
    ] {
        let client = http::client();
        let start = Instant::now();
        for _ in 0..30 {
            let body = Some(body.to_owned());
            let posts = (0..50).map(|_| http::send(&client, "POST", &url, &headers, body.clone()));
            join_all(posts).await.into_iter().for_each(|answer| drop(answer.expect("an answer")));
        }
        let seconds = usize::try_from(start.elapsed().as_secs()).expect("a few") + 2;
        let lines = service.validator.log().matches(words).count();
        assert!((1..=seconds * 50).contains(&lines), "{words}: {lines} lines in {seconds} s");
        assert!(lines < 1500, "{words}: as many as there were");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn flood_keeps_operator_log_entries() {
    let service = Direct::start().await;
    let asks = join_all((0..200).map(|_| service.require("tenant=-x", "s.unknown"))).await;
    for answer in &asks {
        refused(answer, "requirement_invalid");
    }
    refused(&service.require("polcy=crm-agent", "s.unknown").await, "requirement_invalid");
    refused(&service.require("tenant=", "s.unknown").await, "requirement_invalid");
    for words in ["unknown requirement `polcy`", "`tenant` has an empty value"] {
        eventually(TIMEOUT, words, async || service.validator.log().contains(words).then_some(()))
            .await;
    }
}

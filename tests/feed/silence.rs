//! A feed that stops, is refused, or loses the response of a caller that hangs up.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{LONG, cache, complete, is_refused};
use crate::{
    expect::granted,
    support::{direct::Direct, http},
};

#[tokio::test(flavor = "multi_thread")]
async fn silent_feed_falls_back_to_ttl() {
    let service = Direct::start_with(&[
        ("VALIDATOR_CACHE_TTL", "2s"),
        ("VALIDATOR_CACHE_TTL_WITH_FEED", "10m"),
    ])
    .await;
    let url = format!("{}/audit", service.validator.admin_url());
    service.bao.add_feed(&url, "").await;
    complete(&service, 1).await;
    let token = service.acme.token();
    cache(&service, token).await;
    let lookups = service.calls("lookup").await;
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(5) {
        granted(&service.ask(token).await);
    }
    assert_eq!(service.calls("lookup").await, lookups, "looked up although the feed is complete");
    service.bao.remove_feed().await;
    let silent_at = Instant::now();
    complete(&service, 0).await;
    assert!(silent_at.elapsed() < Duration::from_secs(13), "after {:?}", silent_at.elapsed());
    assert!(service.validator.log().contains("the audit feed is silent"));
    let revoke = service.bao.request_as(token, "POST", "auth/token/revoke-self", None).await;
    assert_eq!(revoke.0, 204);
    is_refused(&service, token, "the end of the lifetime without the feed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn request_without_response_counts() {
    let service = Direct::start_with(&LONG).await;
    let acme = service.acme.token();
    cache(&service, acme).await;
    cache(&service, service.globex.token()).await;
    let revoke = service.bao.request_as(acme, "POST", "auth/token/revoke-self", None).await;
    assert_eq!(revoke.0, 204);
    // OpenBao omits the second entry if the client is gone by then.
    let entries = service.bao.audit_log().into_iter();
    let about = entries.filter(|entry| entry["request"]["path"] == "auth/token/revoke-self");
    let mut requests = about.filter(|entry| entry["type"] == "request");
    let request = requests.next_back().expect("an entry");
    let url = format!("{}/audit", service.validator.admin_url());
    let client = http::client();
    let answer = http::send(&client, "POST", &url, &[], Some(request.to_string())).await;
    assert_eq!(answer.expect("an answer").status, 204);
    is_refused(&service, acme, "the revocation").await;
    let answer = service.ask(service.globex.token()).await;
    assert_eq!(answer.header("x-auth-cache"), Some("hit"), "another token was evicted");
}

#[tokio::test(flavor = "multi_thread")]
async fn audit_token_is_required_for_entries_alone() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("audit-token");
    std::fs::write(&file, "0123456789abcdef0123456789abcdef\n").expect("the token");
    let file = file.display().to_string();
    let service = Direct::start_with(&[
        ("VALIDATOR_CACHE_TTL_WITH_FEED", "10m"),
        ("VALIDATOR_AUDIT_TOKEN_FILE", &file),
    ])
    .await;
    let url = format!("{}/audit", service.validator.admin_url());
    let (status, problem) = service.validator.admin("POST", "/audit").await;
    assert_eq!((status, &problem["code"]), (401, &json!("credential_missing")));
    assert_eq!(service.validator.admin("DELETE", "/cache").await.0, 204);
    service.bao.add_feed(&url, "Bearer 0123456789abcdef0123456789abcdef").await;
    complete(&service, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn revocations_are_not_delayed_by_children() {
    let service = Direct::start_with(&LONG).await;
    let url = format!("{}/audit", service.validator.admin_url());
    let (client, start) = (http::client(), Instant::now());
    // Each also concerns the children of a token, which are evicted at most ten times a second.
    for number in 0..40 {
        let entry = json!({
            "type": "response",
            "auth": {"accessor": format!("accessor{number}"), "policies": ["default"]},
            "request": {"operation": "update", "path": "auth/token/revoke-self"},
        });
        let answer = http::send(&client, "POST", &url, &[], Some(entry.to_string())).await;
        assert_eq!(answer.expect("an answer").status, 204);
    }
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
}

//! The renewal of sessions in use.

use std::time::Duration;

use serde_json::json;
use vault_auth_validator::{
    sealed::{KeyRing, Purpose},
    wall_clock::now,
};

use crate::support::{
    people::{PASSWORD, People},
    person::Person,
    wait::eventually,
};

const CRM: &str = "https://crm.example.com/";

async fn logged_in(people: &People, name: &str) -> Person {
    let mut person = people.person();
    let form = person.open(CRM).await;
    let page = person.log_in(&form, name, PASSWORD).await;
    assert_eq!(page.status(), 200, "{page:?}");
    person
}

/// Uses the session until Vault was asked to renew one this many times.
async fn use_until_renewed(people: &People, person: &mut Person, times: u64) {
    eventually(Duration::from_secs(20), "a renewal", async || {
        assert_eq!(person.fetch("GET", CRM).await.status, 200, "the session is valid");
        (people.direct.calls("renew").await >= times).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn session_in_use_is_renewed() {
    let people = People::start_with(&[("VALIDATOR_CACHE_TTL", "1s")]).await;
    people.create("short", json!({"token_policies": "crm-agent", "token_ttl": "6s"})).await;
    let mut person = logged_in(&people, "short").await;
    let before = people.direct.calls("renew").await;
    use_until_renewed(&people, &mut person, before + 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l19_parallel_requests_renew_once() {
    let people = People::start_with(&[("VALIDATOR_CACHE_TTL", "1s")]).await;
    people.create("short", json!({"token_policies": "crm-agent", "token_ttl": "9s"})).await;
    let mut person = logged_in(&people, "short").await;
    let before = people.direct.calls("renew").await;
    let session = person
        .cookie("crm.example.com", vault_auth_validator::token::SESSION_COOKIE)
        .expect("a session")
        .to_owned();
    let cookie = format!("{}={session}", vault_auth_validator::token::SESSION_COOKIE);
    let headers = [
        ("cookie", cookie.as_str()),
        ("x-forwarded-host", "crm.example.com"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-method", "GET"),
        ("x-forwarded-uri", "/"),
    ];
    // Without use until less than a third is left.
    let ring = KeyRing::read(&people.key_file()).expect("keys");
    let token = ring.unseal(Purpose::Session, "crm.example.com", now(), &session).expect("a token");
    let token = std::str::from_utf8(&token).expect("text");
    eventually(Duration::from_secs(20), "less than a third", async || {
        let lookup = Some(json!({"token": token}));
        let lookup = people.bao().must("POST", "auth/token/lookup", lookup).await;
        lookup["data"]["ttl"].as_u64().filter(|ttl| *ttl <= 2)
    })
    .await;
    let twenty = async || {
        let requests = (0..20).map(|_| people.direct.validator.validate("", &headers));
        let answers = futures_util::future::join_all(requests).await;
        assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
    };
    twenty().await;
    let renewals = async || people.direct.calls("renew").await - before;
    let renewed = async || (renewals().await == 1).then_some(());
    eventually(Duration::from_secs(10), "one renewal", renewed).await;
    twenty().await;
    assert_eq!(renewals().await, 1);
    assert_eq!(person.fetch("GET", CRM).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn renewals_that_extend_nothing_are_few() {
    let people = People::start_with(&[("VALIDATOR_CACHE_TTL", "1s")]).await;
    let settings = json!({
        "token_policies": "crm-agent", "token_ttl": "9s", "token_max_ttl": "12s",
    });
    people.create("short", settings).await;
    let mut person = logged_in(&people, "short").await;
    let before = people.direct.calls("renew").await;
    let ended = async || (person.fetch("GET", CRM).await.status == 401).then_some(());
    eventually(Duration::from_secs(20), "the session to end", ended).await;
    let renewals = people.direct.calls("renew").await - before;
    assert!((1..=6).contains(&renewals), "{renewals}");
    assert_eq!(person.open(CRM).await.statuses(), [302, 200], "the login page");
}

#[tokio::test(flavor = "multi_thread")]
async fn bearer_tokens_are_not_renewed() {
    let people = People::start_with(&[("VALIDATOR_CACHE_TTL", "1s")]).await;
    people.create("short", json!({"token_policies": "crm-agent", "token_ttl": "4s"})).await;
    let login = Some(json!({"password": PASSWORD}));
    let login = people.bao().must("POST", "auth/userpass/login/short", login).await;
    let token = login["auth"]["client_token"].as_str().expect("a token").to_owned();
    let before = people.direct.calls("renew").await;
    let ended = async || (people.direct.ask(&token).await.status == 401).then_some(());
    eventually(Duration::from_secs(20), "the token to end", ended).await;
    assert_eq!(people.direct.calls("renew").await, before);
}

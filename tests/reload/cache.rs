//! The cache during reloads.

use std::{fs, time::Duration};

use vault_auth_validator::{sealed::KeyRing, token::SESSION_COOKIE};

use super::{Configured, TIMEOUT, new_token};
use crate::{
    expect::{granted, refused},
    support::{
        people::People,
        platform::{log_in, set_policy},
        wait::eventually,
    },
};

/// Returns the source of the decision on a request with acme's token.
async fn source(service: &Configured, query: &str) -> String {
    let answer = service.ask(query, service.acme.token()).await;
    granted(&answer);
    answer.header("x-auth-cache").expect("a source").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn reload_keeps_the_cache() {
    let service = Configured::start("").await;
    assert_eq!(source(&service, "").await, "miss");
    let logins = service.bao.audited("auth/approle/login");
    for settings in ["allow_root = true", "cache_ttl = \"60s\"", "vault_timeout = \"3s\"", ""] {
        service.reload(settings).await;
        assert_eq!(source(&service, "").await, "hit", "{settings}");
    }
    assert_eq!(service.bao.audited("auth/approle/login"), logins, "it stays logged in");
}

#[tokio::test(flavor = "multi_thread")]
async fn shorter_ttl_holds_for_cached_tokens() {
    let service = Configured::start("cache_ttl = \"600s\"").await;
    let token = new_token(&service.bao).await;
    granted(&service.ask("", &token).await);
    set_policy(&service.bao, "crm-agent", "path \"route/a\" { capabilities = [\"read\"] }").await;
    assert_eq!(source(&service, "acl=route/a").await, "miss");
    assert_eq!(source(&service, "acl=route/a").await, "hit");
    service.bao.must("POST", "auth/token/revoke", Some(serde_json::json!({"token": token}))).await;
    set_policy(&service.bao, "crm-agent", "path \"none\" { capabilities = [\"read\"] }").await;
    granted(&service.ask("", &token).await);
    service.reload("cache_ttl = \"1s\"").await;
    eventually(TIMEOUT, "the end of the entries", async || {
        let revoked = service.ask("", &token).await.status == 401;
        let acl = service.ask("acl=route/a", service.acme.token()).await;
        (revoked && acl.status == 403).then_some(())
    })
    .await;
    service.reload("cache_ttl = \"0s\"").await;
    assert_eq!([source(&service, "").await, source(&service, "").await], ["miss", "miss"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn shorter_grace_holds_for_cached_tokens() {
    let service = Configured::start("cache_ttl = \"1s\"\nstale_grace = \"600s\"").await;
    granted(&service.ask("", service.acme.token()).await);
    service.bao.kill();
    eventually(TIMEOUT, "a stale answer", async || {
        (source(&service, "").await == "stale").then_some(())
    })
    .await;
    service.reload("cache_ttl = \"1s\"").await;
    refused(&service.ask("", service.acme.token()).await, "vault_unavailable");
}

#[tokio::test(flavor = "multi_thread")]
async fn removed_sealing_key_ends_cached_sessions() {
    let people = People::start_with(&[("VALIDATOR_CACHE_TTL", "600s")]).await;
    let mut person = people.logged_in().await;
    let session = person.cookie("crm.example.com", SESSION_COOKIE).expect("a session").to_owned();
    let validator = &people.direct.validator;
    let reload = async |keys: &str| {
        fs::write(people.key_file(), keys).expect("the keys");
        let series = "vault_auth_config_reloads_total{outcome=\"ok\"}";
        let before = validator.count(series).await;
        validator.process().signal("HUP");
        eventually(TIMEOUT, "a reload", async || {
            (validator.count(series).await > before).then_some(())
        })
        .await;
    };
    let old = fs::read_to_string(people.key_file()).expect("the keys");
    let new = KeyRing::generate();
    assert_eq!(person.fetch("GET", "https://crm.example.com/").await.status, 200);
    reload(&format!("{}{old}", *new)).await;
    assert_eq!(person.fetch("GET", "https://crm.example.com/").await.status, 200);
    reload(&new).await;
    assert_eq!(person.fetch("GET", "https://crm.example.com/").await.status, 401);
    assert!(!validator.log().contains(&session));
}

#[tokio::test(flavor = "multi_thread")]
async fn subject_mount_changes_cached_subjects() {
    let service = Configured::start("cache_ttl = \"600s\"").await;
    let userpass = serde_json::json!({"type": "userpass"});
    service.bao.must("POST", "sys/auth/people", Some(userpass)).await;
    let ana = serde_json::json!({"password": "ana", "token_policies": "tenant"});
    service.bao.must("POST", "auth/people/users/ana", Some(ana)).await;
    let login = Some(serde_json::json!({"password": "ana"}));
    let login = service.bao.must("POST", "auth/people/login/ana", login).await;
    let token = login["auth"]["client_token"].as_str().expect("a token");
    let subject = async || {
        let answer = service.ask("", token).await;
        granted(&answer);
        answer.header("x-auth-subject").expect("a subject").to_owned()
    };
    assert_eq!(subject().await, "ana@people/");
    service.reload("cache_ttl = \"600s\"\nsubject_mount = \"people\"").await;
    assert_eq!(subject().await, "ana");
}

#[tokio::test(flavor = "multi_thread")]
async fn reload_keeps_recently_valid_tokens() {
    let service = Configured::start("cache_ttl = \"1s\"\nfailure_limit = 1").await;
    let from = async |token: &str| {
        let authorization = crate::support::stack::bearer(token);
        let headers = [("authorization", &*authorization), ("x-forwarded-for", "192.0.2.1")];
        service.validator.validate("", &headers).await.status
    };
    let other = log_in(&service.bao, &service.acme.caller.role).await;
    let other = other["client_token"].as_str().expect("a token");
    assert_eq!(from(service.acme.token()).await, 200);
    assert_eq!([from("hvs.guess1").await, from("hvs.guess2").await], [401, 429]);
    // The cache is replaced.
    service.reload("cache_ttl = \"1s\"\nfailure_limit = 1\nsubject_mount = \"people\"").await;
    assert_eq!(from(service.acme.token()).await, 200);
    assert_eq!(from(other).await, 429, "it is not known yet");
    tokio::time::timeout(Duration::from_secs(1), service.validator.ready()).await.expect("ready");
}

//! The admin listener's `/audit`, with entries of OpenBao's audit device.

use std::{
    fs,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    time::{sleep, timeout},
};

use crate::{
    expect::{granted, refused},
    support::{direct::Direct, http::Answer, platform, raw::read_answer, wait::eventually},
};

/// The start of a request that posts entries.
const POST: &str = "POST /audit HTTP/1.1\r\nHost: 127.0.0.1\r\n";

/// A lifetime so long that only `/audit` can be the reason for an eviction.
const LONG: [(&str, &str); 1] = [("VALIDATOR_CACHE_TTL", "10m")];

/// Posts the entries that OpenBao has written so far about requests on this path.
async fn post_audit(service: &Direct, path: &str) -> u16 {
    let entries = service.bao.audit_log();
    let about = entries.iter().filter(|entry| entry["request"]["path"] == path);
    let text = about.map(ToString::to_string).collect::<Vec<_>>().join("\n");
    assert!(!text.is_empty(), "there is no entry about {path}");
    post(service, text).await
}

async fn connect(service: &Direct) -> TcpStream {
    let url = service.validator.admin_url();
    TcpStream::connect(url.trim_start_matches("http://")).await.expect("a connection")
}

async fn post(service: &Direct, body: String) -> u16 {
    let url = format!("{}/audit", service.validator.admin_url());
    let http = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().expect("a client");
    http.post(url).body(body).send().await.expect("an answer").status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn audited_revocation_evicts_token() {
    let service = Direct::start_with(&LONG).await;
    let bao = &service.bao;
    let (acme, globex) = (&service.acme.caller, &service.globex.caller);
    granted(&service.ask(&acme.token).await);
    granted(&service.ask(&globex.token).await);
    let revoke_self = "auth/token/revoke-self";
    assert_eq!(bao.request_as(&acme.token, "POST", revoke_self, None).await.0, 204);
    granted(&service.ask(&acme.token).await);
    assert_eq!(post_audit(&service, revoke_self).await, 204);
    refused(&service.ask(&acme.token).await, "token_invalid");
    let lookups = service.calls("lookup").await;
    granted(&service.ask(&globex.token).await);
    assert_eq!(service.calls("lookup").await, lookups, "another token was forgotten as well");
    let disable: Value = json!({"disabled": true});
    let entity = format!("identity/entity/id/{}", globex.entity_id);
    bao.must("POST", &entity, Some(disable)).await;
    granted(&service.ask(&globex.token).await);
    assert_eq!(post_audit(&service, &entity).await, 204);
    refused(&service.ask(&globex.token).await, "token_invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn unnamed_change_marks_all_stale() {
    let service = Direct::start_with(&LONG).await;
    let bao = &service.bao;
    let token = platform::token(bao, json!({"policies": ["tenant"], "ttl": "1h"})).await;
    for path in ["auth/token/revoke", "auth/token/revoke-accessor"] {
        granted(&service.ask(service.acme.token()).await);
        let other = platform::create_caller(bao, "other", json!({}), &["tenant"]).await;
        let body = match path {
            "auth/token/revoke" => json!({ "token": token }),
            _ => json!({ "accessor": other.accessor }),
        };
        bao.must("POST", path, Some(body)).await;
        let lookups = service.calls("lookup").await;
        assert_eq!(post_audit(&service, path).await, 204);
        granted(&service.ask(service.acme.token()).await);
        assert_eq!(service.calls("lookup").await, lookups + 1, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unrelated_entries_evict_nothing() {
    let service = Direct::start_with(&LONG).await;
    granted(&service.ask(service.acme.token()).await);
    let lookups = service.calls("lookup").await;
    for body in [
        "",
        "{\"type\":\"request\",\"request\":{\"operation\":\"update\",\"path\":\"auth/token/revoke\"}}",
    ] {
        assert_eq!(post(&service, body.to_owned()).await, 204, "{body}");
    }
    assert_eq!(post_audit(&service, "auth/token/lookup").await, 204);
    granted(&service.ask(service.acme.token()).await);
    assert_eq!(service.calls("lookup").await, lookups);
}

/// Asserts that this gets this status and makes a cached token be looked up again.
async fn evicts_all(service: &Direct, body: String, status: u16) {
    granted(&service.ask(service.acme.token()).await);
    let lookups = service.calls("lookup").await;
    let about: String = body.chars().take(40).collect();
    assert_eq!(post(service, body).await, status, "{about}");
    granted(&service.ask(service.acme.token()).await);
    assert_eq!(service.calls("lookup").await, lookups + 1, "{about}");
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_entries_evict_all() {
    let service = Direct::start_with(&LONG).await;
    for body in ["garbage", "{\"type\":", "[1]", "\u{0}", "{\"type\":\"response\"}"] {
        evicts_all(&service, body.to_owned(), 204).await;
    }
    evicts_all(&service, " ".repeat(1024 * 1024 + 1), 204).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn truncated_entries_evict_all() {
    let service = Direct::start_with(&LONG).await;
    granted(&service.ask(service.acme.token()).await);
    let lookups = service.calls("lookup").await;
    let mut stream = connect(&service).await;
    stream
        .write_all(format!("{POST}Content-Length: 100\r\n\r\n{{").as_bytes())
        .await
        .expect("sent");
    drop(stream);
    let evicted = async || {
        granted(&service.ask(service.acme.token()).await);
        (service.calls("lookup").await > lookups).then_some(())
    };
    eventually(Duration::from_secs(5), "an eviction", evicted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_entries_evict_all() {
    let service = Direct::start_with(&LONG).await;
    granted(&service.ask(service.acme.token()).await);
    let lookups = service.calls("lookup").await;
    let (start, stream) = (Instant::now(), connect(&service).await);
    let (answers, mut requests) = stream.into_split();
    let trickle = tokio::spawn(async move {
        let head = format!("{POST}Content-Length: 1000\r\n\r\n{{");
        requests.write_all(head.as_bytes()).await.expect("sent");
        while requests.write_all(b" ").await.is_ok() {
            sleep(Duration::from_millis(100)).await;
        }
    });
    let mut answers = BufReader::new(answers);
    let answer: Answer = read_answer(&mut answers).await.expect("an answer").into();
    assert_eq!((answer.status, &answer.json()["code"]), (408, &json!("body_timeout")));
    assert_eq!(answers.read(&mut [0]).await.expect("the end"), 0);
    let limit = Duration::from_secs(9)..Duration::from_secs(14);
    assert!(limit.contains(&start.elapsed()), "after {:?}", start.elapsed());
    timeout(Duration::from_secs(5), trickle).await.expect("it is not closed").expect("no panic");
    granted(&service.ask(service.acme.token()).await);
    assert_eq!(service.calls("lookup").await, lookups + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_login_keeps_revocation_visible() {
    let service = Direct::start_with(&LONG).await;
    let bao = &service.bao;
    bao.must("POST", "sys/auth/userpass", Some(json!({"type": "userpass"}))).await;
    granted(&service.ask(service.acme.token()).await);
    granted(&service.ask(service.globex.token()).await);
    let login = "auth/userpass/login/nobody";
    for accessor in [json!(5), json!(["x"]), json!({"accessor": null}), json!(null)] {
        let body = json!({"password": "x", "accessor": accessor});
        assert_eq!(bao.request_as("", "POST", login, Some(body)).await.0, 400);
    }
    let revoke = "auth/token/revoke-self";
    assert_eq!(bao.request_as(service.acme.token(), "POST", revoke, None).await.0, 204);
    let entries = bao.audit_log();
    let about = |path: &str| {
        let entries = entries.iter().filter(|entry| entry["request"]["path"] == path);
        entries.map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    let lookups = service.calls("lookup").await;
    assert_eq!(post(&service, about(login)).await, 204);
    assert_eq!(post(&service, format!("{}{}", about(login), about(revoke))).await, 204);
    refused(&service.ask(service.acme.token()).await, "token_invalid");
    granted(&service.ask(service.globex.token()).await);
    assert_eq!(service.calls("lookup").await, lookups + 1, "more than one token was evicted");
}

#[tokio::test(flavor = "multi_thread")]
async fn large_entry_evicts_named_only() {
    let service = Direct::start_with(&LONG).await;
    let bao = &service.bao;
    granted(&service.ask(service.acme.token()).await);
    let lookups = service.calls("lookup").await;
    // Vault does not hash names, and escapes each `<` in six bytes.
    let names = json!({"a".repeat(700_000): 1, "<".repeat(2_000_000): 2});
    let (login, cubbyhole) = ("auth/userpass/login/nobody", "cubbyhole/x");
    bao.request_as("", "POST", login, Some(names.clone())).await;
    bao.request_as(service.acme.token(), "POST", cubbyhole, Some(names)).await;
    for path in [login, cubbyhole] {
        let entries = bao.audit_log();
        let largest = entries.iter().filter(|entry| entry["request"]["path"] == path);
        let largest = largest.map(|entry| entry.to_string().len()).max().expect("an entry");
        assert!(largest > 1024 * 1024, "{path}: {largest}");
        assert_eq!(post_audit(&service, path).await, 204, "{path}");
        granted(&service.ask(service.acme.token()).await);
        assert_eq!(service.calls("lookup").await, lookups, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn large_entries_use_bounded_memory() {
    let service = Direct::start_with(&LONG).await;
    granted(&service.ask(service.acme.token()).await);
    let lookups = service.calls("lookup").await;
    let before = peak_memory(service.validator.process().pid());
    let data = "x".repeat(8 * 1024 * 1024);
    let entry =
        json!({"type": "response", "request": {"path": "a/b", "data": {&*data: 1, "path": data}}});
    let entry = entry.to_string();
    for answer in join_all((0..4).map(|_| post(&service, entry.clone()))).await {
        assert_eq!(answer, 204);
    }
    granted(&service.ask(service.acme.token()).await);
    assert_eq!(service.calls("lookup").await, lookups);
    let grown = peak_memory(service.validator.process().pid()) - before;
    assert!(grown < 24 * 1024, "{grown} KiB more");
}

/// Returns the peak memory of a process, in KiB.
fn peak_memory(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("/proc");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    peak.trim_end_matches("kB").trim().parse().expect("a number")
}

/// Creates a token of ana's and merges its entity into another one; returns that one's id as well.
async fn token_of_merged_entity(service: &Direct) -> (String, String) {
    let bao = &service.bao;
    bao.must("POST", "sys/auth/userpass", Some(json!({"type": "userpass"}))).await;
    let user = json!({"password": "x", "token_policies": ["tenant"]});
    bao.must("POST", "auth/userpass/users/ana", Some(user)).await;
    let login = bao.must("POST", "auth/userpass/login/ana", Some(json!({"password": "x"}))).await;
    let xen = bao.must("POST", "identity/entity", Some(json!({"name": "xen"}))).await;
    let xen = xen["data"]["id"].as_str().expect("an id").to_owned();
    let merge = json!({"from_entity_ids": login["auth"]["entity_id"], "to_entity_id": xen});
    bao.must("POST", "identity/entity/merge", Some(merge)).await;
    (login["auth"]["client_token"].as_str().expect("a token").to_owned(), xen)
}

#[tokio::test(flavor = "multi_thread")]
async fn disabling_evicts_merged_tokens() {
    for by_audit_entry in [true, false] {
        let service = Direct::start_with(&LONG).await;
        let (token, xen) = token_of_merged_entity(&service).await;
        granted(&service.ask(&token).await);
        granted(&service.ask(service.acme.token()).await);
        let entity = format!("identity/entity/id/{xen}");
        service.bao.must("POST", &entity, Some(json!({"disabled": true}))).await;
        granted(&service.ask(&token).await);
        if by_audit_entry {
            assert_eq!(post_audit(&service, &entity).await, 204);
        } else {
            let (status, evicted) =
                service.validator.admin("DELETE", &format!("/cache/entities/{xen}")).await;
            assert_eq!((status, &evicted["evicted"]), (200, &json!(1)));
        }
        refused(&service.ask(&token).await, "token_invalid");
        let lookups = service.calls("lookup").await;
        granted(&service.ask(service.acme.token()).await);
        assert_eq!(service.calls("lookup").await, lookups, "another token was evicted");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn moved_auth_method_evicts() {
    let service = Direct::start_with(&LONG).await;
    let bao = &service.bao;
    bao.must("POST", "sys/auth/userpass", Some(json!({"type": "userpass"}))).await;
    let user = json!({"password": "x", "token_policies": ["tenant"]});
    bao.must("POST", "auth/userpass/users/ana", Some(user)).await;
    let login = bao.must("POST", "auth/userpass/login/ana", Some(json!({"password": "x"}))).await;
    let token = login["auth"]["client_token"].as_str().expect("a token");
    granted(&service.ask(token).await);
    let ends = json!({"from": "auth/userpass", "to": "auth/people"});
    let moving = bao.must("POST", "sys/remount", Some(ends)).await;
    let status =
        format!("sys/remount/status/{}", moving["data"]["migration_id"].as_str().expect("an id"));
    eventually(Duration::from_secs(10), "the move", async || {
        let answer = bao.must("GET", &status, None).await;
        (answer["data"]["migration_info"]["status"] == "success").then_some(())
    })
    .await;
    granted(&service.ask(token).await);
    assert_eq!(post_audit(&service, &status).await, 204);
    refused(&service.ask(token).await, "token_invalid");
    granted(&service.ask(service.acme.token()).await);
    let lookups = service.calls("lookup").await;
    assert_eq!(post_audit(&service, "sys/remount").await, 204);
    granted(&service.ask(service.acme.token()).await);
    assert_eq!(service.calls("lookup").await, lookups + 1);
}

//! Limits of failures per client and of concurrent lookups.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::{
    expect::{granted, refused},
    support::{
        bao::Bao, direct::Direct, fault::Fault, http, platform, raw::read_answer, stack::Stack,
        validator::Validator, wait::eventually,
    },
};

/// Sends this many tokens that were never issued from this address.
async fn guess(service: &Direct, address: &str, times: usize) {
    for _ in 0..times {
        let unknown = format!("s.{:024x}", rand::random::<u64>());
        refused(&service.from(address, "", &unknown).await, "token_invalid");
    }
}

const THREE: [(&str, &str); 1] = [("VALIDATOR_FAILURE_LIMIT", "3")];

#[tokio::test(flavor = "multi_thread")]
async fn repeated_failures_limit_address() {
    let service = Direct::start_with(&THREE).await;
    let known = service.acme.token();
    granted(&service.from("192.0.2.1", "", known).await);
    guess(&service, "192.0.2.1", 3).await;
    let asked = service.calls("lookup").await;
    for token in ["s.unknown", "s.another", service.globex.token()] {
        refused(&service.from("192.0.2.1", "", token).await, "too_many_failures");
    }
    refused(&service.from("::ffff:192.0.2.1", "", "s.unknown").await, "too_many_failures");
    assert_eq!(service.calls("lookup").await, asked, "Vault is left in peace");

    granted(&service.from("192.0.2.1", "", known).await);
    let other_tenants = service.from("192.0.2.1", "tenant=globex", known).await;
    refused(&other_tenants, "tenant_mismatch");
    for address in ["192.0.2.2", "192.0.3.1", "::192.0.2.1"] {
        refused(&service.from(address, "", "s.unknown").await, "token_invalid");
    }
    granted(&service.from("192.0.2.2", "", service.globex.token()).await);
    let limited = "decisions_total{reason=\"too_many_failures\"}";
    assert_eq!(service.validator.count(limited).await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn ipv6_clients_are_limited_per_64() {
    let service = Direct::start_with(&THREE).await;
    for address in ["2001:db8:0:1::1", "2001:db8:0:1:ffff::", "2001:db8:0:1:a:b:c:d"] {
        guess(&service, address, 1).await;
    }
    let neighbour = service.from("2001:db8:0:1:1234::", "", "s.unknown").await;
    refused(&neighbour, "too_many_failures");
    refused(&service.from("2001:db8:0:2::1", "", "s.unknown").await, "token_invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_token_counts_once() {
    let service = Direct::start_with(&[THREE[0], ("VALIDATOR_NEGATIVE_TTL", "0s")]).await;
    for _ in 0..20 {
        refused(&service.from("192.0.2.1", "", "s.unknown").await, "token_invalid");
    }
    guess(&service, "192.0.2.1", 1).await;
    granted(&service.from("192.0.2.1", "", service.acme.token()).await);
    guess(&service, "192.0.2.1", 1).await;
    for token in ["s.unknown", service.globex.token()] {
        refused(&service.from("192.0.2.1", "", token).await, "too_many_failures");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rejection_counts_per_address() {
    let service = Direct::start_with(&THREE).await;
    let unknown = ["s.one", "s.two", "s.three", "s.four"];
    for (address, known) in [("192.0.2.1", &unknown[..3]), ("192.0.2.2", &unknown[1..])] {
        for token in known {
            refused(&service.from(address, "", token).await, "token_invalid");
        }
        refused(&service.from(address, "", "s.one").await, "too_many_failures");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn aborted_request_counts() {
    let service = Direct::start_with(&THREE).await;
    service.fault.set_for("/v1/auth/token/lookup", Fault::Late(Duration::from_millis(200))).await;
    for number in 0..3 {
        let address = service.validator.auth_address();
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        // hyper handles it, and drops the request with its connection.
        let request = format!(
            "GET /validate HTTP/1.1\r\nHost: v\r\nX-Vault-Token: s.{number}\r\n\
             X-Forwarded-For: 192.0.2.1\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.expect("sent");
        let what = "the lookup to be under way";
        eventually(Duration::from_secs(5), what, async || {
            (service.fault.struck() > number).then_some(())
        })
        .await;
    }
    eventually(Duration::from_secs(5), "the lookups to be answered", async || {
        (service.calls("lookup").await >= 3).then_some(())
    })
    .await;
    refused(&service.from("192.0.2.1", "", "s.unknown").await, "too_many_failures");
}

#[tokio::test(flavor = "multi_thread")]
async fn valid_token_is_not_limited() {
    let service = Direct::start_with(&[THREE[0], ("VALIDATOR_CACHE_TTL", "0s")]).await;
    let once = json!({"policies": ["tenant"], "num_uses": 1, "ttl": "1h"});
    let once = platform::token(&service.bao, once).await;
    granted(&service.from("192.0.2.1", "", service.acme.token()).await);
    granted(&service.from("192.0.2.1", "", &once).await);
    guess(&service, "192.0.2.1", 3).await;
    refused(&service.from("192.0.2.1", "", service.globex.token()).await, "too_many_failures");
    for _ in 0..5 {
        granted(&service.from("192.0.2.1", "", service.acme.token()).await);
        refused(&service.from("192.0.2.1", "", &once).await, "token_invalid");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_guesses_are_limited() {
    let service = Direct::start_with(&[("VALIDATOR_VAULT_TIMEOUT", "30s")]).await;
    let client = http::client();
    let mut guesses = JoinSet::new();
    service.fault.set_for("/v1/auth/token/lookup", Fault::Late(Duration::ZERO)).await;
    service.bao.freeze();
    for number in 0..400 {
        let (client, url) = (client.clone(), format!("{}/validate", service.validator.auth_url()));
        guesses.spawn(async move {
            let token = format!("s.{number:024}");
            let headers = [("x-vault-token", token.as_str()), ("x-forwarded-for", "192.0.2.1")];
            http::send(&client, "GET", &url, &headers, None).await.expect("an answer").status
        });
    }
    eventually(Duration::from_secs(20), "lookups that wait for Vault", async || {
        (service.fault.struck() >= 8).then_some(())
    })
    .await;
    service.bao.thaw();
    let statuses = guesses.join_all().await;
    let with = |status| statuses.iter().filter(|one| **one == status).count();
    assert_eq!((with(401), with(429)), (100, 300), "{statuses:?}");
    assert_eq!(service.calls("lookup").await, 100);
    granted(&service.from("192.0.2.2", "", service.acme.token()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_failures_are_not_counted() {
    let service = Direct::start_with(&THREE).await;
    let (token, address) = (service.acme.token(), ("x-forwarded-for", "192.0.2.1"));
    let root = service.bao.root_token();
    let bound = json!({"policies": ["tenant"], "bound_cidrs": ["10.0.0.0/8"]});
    let bound = platform::token(&service.bao, bound).await;
    let conflict = [("x-vault-token", "a"), ("authorization", "Bearer b"), address];
    let malformed = [("authorization", "Bearer "), address];
    for _ in 0..4 {
        refused(&service.validator.validate("", &malformed).await, "credential_malformed");
        refused(&service.validator.validate("", &[address]).await, "credential_missing");
        refused(&service.validator.validate("", &conflict).await, "credential_conflict");
        for (query, token, code) in [
            ("tenant=globex", token, "tenant_mismatch"),
            ("policy=crm-admin", token, "policy_required"),
            ("tenant=", token, "requirement_invalid"),
            ("acl=route/a", token, "request_invalid"),
            ("", root, "token_not_allowed"),
            ("", &bound, "address_not_allowed"),
        ] {
            refused(&service.from("192.0.2.1", query, token).await, code);
        }
    }
    service.fault.set(Fault::Status(500, r#"{"errors":["no"]}"#)).await;
    for _ in 0..4 {
        refused(&service.from("192.0.2.1", "", "s.unknown").await, "vault_unavailable");
    }
    service.fault.set(Fault::Pass).await;
    guess(&service, "192.0.2.1", 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unreadable_address_is_limited() {
    let forged = [&["garbage"][..], &["192.0.2.1", "garbage"], &["192.0.2.1:x"], &["fe80::1%eth0"]];
    for lines in forged {
        let service = Direct::start_with(&THREE).await;
        granted(&service.ask(service.acme.token()).await);
        let ask = async |token: &str| {
            let headers = [("x-vault-token", token)].into_iter();
            let headers: Vec<_> =
                headers.chain(lines.iter().map(|line| ("x-forwarded-for", *line))).collect();
            service.validator.validate("", &headers).await
        };
        for _ in 0..3 {
            let unknown = format!("s.{:024x}", rand::random::<u64>());
            refused(&ask(&unknown).await, "token_invalid");
        }
        refused(&ask("s.unknown").await, "too_many_failures");
        granted(&ask(service.acme.token()).await);
        refused(&service.from("192.0.2.9", "", "s.unknown").await, "token_invalid");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_client_is_not_the_proxy() {
    let service = Direct::start_with(&THREE).await;
    for _ in 0..5 {
        let unknown = format!("s.{:024x}", rand::random::<u64>());
        refused(&service.ask(&unknown).await, "token_invalid");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn address_forms_share_one_limit() {
    let service = Direct::start_with(&THREE).await;
    for address in ["203.0.113.9:51234", "203.0.113.9", "[::ffff:203.0.113.9]:443"] {
        guess(&service, address, 1).await;
    }
    for address in ["203.0.113.9:1", "203.0.113.9", "::ffff:203.0.113.9"] {
        refused(&service.from(address, "", "s.unknown").await, "too_many_failures");
    }
    for address in ["[2001:db8::5]:443", "[2001:db8::5]", "2001:db8::6"] {
        guess(&service, address, 1).await;
    }
    refused(&service.from("2001:db8::5", "", "s.unknown").await, "too_many_failures");
}

#[tokio::test(flavor = "multi_thread")]
async fn limit_of_zero_is_unlimited() {
    let service = Direct::start_with(&[("VALIDATOR_FAILURE_LIMIT", "0")]).await;
    guess(&service, "192.0.2.1", 150).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn caddy_hides_spoofed_failures() {
    let stack = Stack::start_with(&THREE).await;
    for number in 0..5 {
        let unknown = format!("s.{:024x}", rand::random::<u64>());
        let address = format!("192.0.2.{number}");
        let headers = [("x-vault-token", &*unknown), ("x-forwarded-for", &address)];
        let code = if number < 3 { "token_invalid" } else { "too_many_failures" };
        refused(&stack.get("api.localhost", &headers).await, code);
    }
}

/// The limit of concurrent lookups of unknown tokens, and the limit that includes queued ones.
const MAX_LOOKUPS: usize = 32;
const QUEUE: usize = 256;

#[tokio::test(flavor = "multi_thread")]
async fn overload_rejects_misses_only() {
    let env = [("VALIDATOR_VAULT_TIMEOUT", "20s"), ("VALIDATOR_FAILURE_LIMIT", "0")];
    let service = Direct::start_with(&env).await;
    granted(&service.ask(service.acme.token()).await);
    service.fault.set(Fault::Hang).await;
    let mut cold = JoinSet::new();
    let client = http::client();
    for number in 0..QUEUE + 40 {
        let url = format!("{}/validate", service.validator.auth_url());
        let client = client.clone();
        cold.spawn(async move {
            let (token, asked) = (format!("s.cold-{number}"), Instant::now());
            let headers = [("x-vault-token", token.as_str())];
            let answer = http::send(&client, "GET", &url, &headers, None).await;
            (answer.expect("an answer"), asked.elapsed())
        });
    }
    for _ in 0..40 {
        let (answer, took) = cold.join_next().await.expect("a request").expect("no panic");
        refused(&answer, "overloaded");
        assert!(took < Duration::from_secs(3), "after {took:?}");
    }
    eventually(Duration::from_secs(5), "all others to hang", async || {
        (service.fault.struck() == MAX_LOOKUPS).then_some(())
    })
    .await;
    for _ in 0..20 {
        let asked = Instant::now();
        let answer = service.ask(service.acme.token()).await;
        granted(&answer);
        assert_eq!(answer.header("x-auth-cache"), Some("hit"));
        assert!(asked.elapsed() < Duration::from_secs(1), "after {:?}", asked.elapsed());
    }
    refused(&service.ask(service.globex.token()).await, "overloaded");
    assert_eq!(cold.len(), QUEUE, "no other request has been answered yet");

    // The connections break, and the lookups are retried.
    service.fault.set(Fault::Pass).await;
    while let Some(answered) = cold.join_next().await {
        refused(&answered.expect("no panic").0, "token_invalid");
    }
    granted(&service.ask(service.globex.token()).await);
}

/// A command that limits the validator's open files.
const FILES: [&str; 3] = ["/bin/sh", "-c", "ulimit -n 64; exec \"$0\" \"$@\""];

#[tokio::test(flavor = "multi_thread")]
async fn audit_works_without_free_files() {
    let bao = Bao::dev().await;
    let role = platform::provision(&bao).await;
    let acme = platform::create_tenant(&bao, "acme").await;
    let mut validator = Validator::spawn_under(&FILES, &bao, &role, &[]);
    validator.listening().await;
    validator.ready().await;
    let header = [("x-vault-token", acme.token())];
    granted(&validator.validate("", &header).await);
    bao.post_audit_to(&format!("{}/audit", validator.admin_url())).await;

    let mut idle = Vec::new();
    let api = validator.api_url();
    for address in [validator.auth_address(), api.trim_start_matches("http://")] {
        for _ in 0..100 {
            idle.push(TcpStream::connect(address).await.expect("a connection"));
        }
    }
    let full = "connection limit reached: raise the limit on open files";
    eventually(Duration::from_secs(5), "the listeners to be full", async || {
        (validator.log().matches(full).count() >= 2).then_some(())
    })
    .await;
    for _ in 0..20 {
        let asked = timeout(Duration::from_secs(1), bao.request("GET", "sys/mounts", None));
        assert_eq!(asked.await.expect("OpenBao hangs").0, 200);
    }
    let start = Instant::now();
    assert_eq!(validator.admin("DELETE", "/cache").await.0, 204);
    assert!(start.elapsed() < Duration::from_secs(1), "after {:?}", start.elapsed());
    assert_eq!(validator.count("accept_errors_total").await, 0);
    drop(idle);
    granted(&validator.validate("", &header).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn unread_body_closes_connection() {
    let service = Direct::start().await;
    let validator = &service.validator;
    let (api, admin) = (validator.api_url(), validator.admin_url());
    for (address, request) in [
        (validator.auth_address(), "POST /validate"),
        (api.trim_start_matches("http://"), "PUT /v1/tenants/acme/secrets/db"),
        (admin.trim_start_matches("http://"), "DELETE /cache"),
        (admin.trim_start_matches("http://"), "GET /metrics"),
        (admin.trim_start_matches("http://"), "POST /nothing"),
    ] {
        let (answers, mut body) =
            TcpStream::connect(address).await.expect("connected").into_split();
        let head =
            format!("{request} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{{");
        body.write_all(head.as_bytes()).await.expect("sent");
        let trickle = tokio::spawn(async move {
            while body.write_all(b" ").await.is_ok() {
                sleep(Duration::from_millis(50)).await;
            }
        });
        let mut answers = BufReader::new(answers);
        read_answer(&mut answers).await.unwrap_or_else(|| panic!("no answer to {request}"));
        // The API reads on for 5 s, so that its answer is not lost.
        let end = timeout(Duration::from_secs(10), answers.read(&mut [0])).await;
        assert!(matches!(end, Ok(Ok(0) | Err(_))), "{request}: {end:?}");
        let end = timeout(Duration::from_secs(5), trickle).await;
        assert!(end.is_ok(), "{request}: its body is still read");
    }
}

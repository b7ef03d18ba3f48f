//! Callers who keep the API busy, and what the others notice of it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{StreamExt, future::join_all, stream};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    task::JoinSet,
    time::timeout,
};

use crate::{
    expect::{granted, problem},
    support::{
        bao::Bao,
        direct::Direct,
        http::{self, Answer},
        platform, raw,
        wait::eventually,
    },
};

const CONNECTIONS: usize = 64;

/// The head of a write, by this token, with a body of this length.
fn write(token: &str, length: usize) -> String {
    format!(
        "PUT /v1/tenants/acme/secrets/x HTTP/1.1\r\nHost: x\r\nX-Vault-Token: {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    )
}

fn address(service: &Direct) -> String {
    service.validator.api_url().replace("http://", "")
}

/// A connection on which this was sent.
async fn connect(address: &str, bytes: &[u8]) -> BufReader<TcpStream> {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.write_all(bytes).await.expect("it is sent");
    BufReader::new(stream)
}

async fn globex_is_served(service: &Direct) {
    let path = "/v1/tenants/globex/secrets";
    let asked = Instant::now();
    let answer = service.api("GET", path, service.globex.token(), &[], None).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(asked.elapsed() < Duration::from_secs(3), "after {:?}", asked.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_token_is_401_before_body() {
    let service = Direct::start().await;
    let address = address(&service);
    let uploads = (0..CONNECTIONS).map(async |number| {
        let head = write(&format!("s.unknown-{number}"), 100);
        let mut stream = connect(&address, format!("{head}{{").as_bytes()).await;
        let answer = timeout(Duration::from_secs(4), raw::read_answer(&mut stream)).await;
        problem(&answer.expect("at once").expect("an answer").into(), 401, "token_invalid");
        stream
    });
    let held = join_all(uploads).await;
    for _ in 0..20 {
        globex_is_served(&service).await;
    }
    drop(held);
}

#[tokio::test(flavor = "multi_thread")]
async fn stalled_uploads_do_not_block_others() {
    let service = Direct::start().await;
    let (address, token) = (address(&service), service.acme.token());
    let mut held = Vec::new();
    for length in (0..CONNECTIONS).map(|number| if number % 2 == 0 { 100 } else { 1024 * 1024 }) {
        held.push(connect(&address, format!("{}{{", write(token, length)).as_bytes()).await);
    }
    for _ in 0..10 {
        globex_is_served(&service).await;
        let own = service.api("GET", "/v1/tenants/acme/secrets/none", token, &[], None).await;
        problem(&own, 404, "secret_not_found");
    }
    let answers = held.iter_mut().map(raw::read_answer);
    for answer in join_all(answers).await {
        match Answer::from(answer.expect("an answer")) {
            // Its turn to be read did not come.
            late @ Answer { status: 503, .. } => problem(&late, 503, "overloaded"),
            late => problem(&late, 408, "body_timeout"),
        };
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refusal_is_readable_after_upload() {
    let service = Direct::start().await;
    let (address, token) = (address(&service), service.acme.token());
    for (token, length, status, code) in [
        (token, 8 * 1024 * 1024, 413, "body_too_large"),
        ("s.unknown", 1024 * 1024, 401, "token_invalid"),
        ("a b", 1024 * 1024, 401, "credential_malformed"),
    ] {
        let request = [write(token, length).into_bytes(), vec![b' '; length]].concat();
        let mut stream = connect(&address, &request).await;
        let answer = raw::read_answer(&mut stream).await.expect("an answer");
        problem(&answer.into(), status, code);
        // The connection serves another request.
        stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("it is open");
        assert_eq!(raw::read_answer(&mut stream).await.expect("an answer").status, 200);
    }
    let waiting = write("s.unknown", 100).replacen("\r\n", "\r\nExpect: 100-continue\r\n", 1);
    let mut stream = connect(&address, waiting.as_bytes()).await;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("it ends");
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
}

/// Writes so many secrets of acme, as far as a list can tell.
async fn fill(service: &Direct, number: usize) {
    let names = (0..number).map(|number| format!("n{number}"));
    let writes = stream::iter(names).map(async |name| service.put_record(&name).await);
    writes.buffer_unordered(16).collect::<Vec<()>>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_do_not_block_other_tenants() {
    let service = Arc::new(
        Direct::on(
            Bao::unaudited().await,
            &[("VALIDATOR_LOG", "info"), ("VALIDATOR_VAULT_TIMEOUT", "8s")],
        )
        .await,
    );
    fill(&service, 500).await;
    globex_is_served(&service).await;
    let mut lists = JoinSet::new();
    let client = http::client();
    for _ in 0..CONNECTIONS {
        let (service, client) = (Arc::clone(&service), client.clone());
        lists.spawn(async move {
            let url = format!("{}/v1/tenants/acme/secrets", service.validator.api_url());
            let headers = [("x-vault-token", service.acme.token())];
            loop {
                // In time or not: what matters is that it is asked for.
                let answer = http::send(&client, "GET", &url, &headers, None).await;
                if let Ok(answer) = answer {
                    assert!(matches!(answer.status, 200 | 503), "{answer:?}");
                }
            }
        });
    }
    let mut cold = Vec::new();
    for _ in 0..40 {
        globex_is_served(&service).await;
        let own = "/v1/tenants/acme/secrets/none";
        let own = service.api("GET", own, service.acme.token(), &[], None).await;
        problem(&own, 404, "secret_not_found");
        let options = json!({"policies": ["tenant"], "ttl": "1h"});
        let token = platform::token(&service.bao, options).await;
        let asked = Instant::now();
        granted(&service.ask(&token).await);
        cold.push(asked.elapsed());
    }
    cold.sort_unstable();
    assert!(cold[20] < Duration::from_secs(2), "a cold decision takes {:?}", cold[20]);
    assert!(lists.try_join_next().is_none(), "a list was answered otherwise");
}

/// Callers of no tenant who may list acme's secrets.
async fn auditors(service: &Direct, number: usize) -> Vec<String> {
    let policy = r#"
        path "secret/metadata/tenants/acme/*" { capabilities = ["read", "list"] }
        path "secret/detailed-metadata/tenants/acme/*" { capabilities = ["list"] }
    "#;
    platform::set_policy(&service.bao, "auditor", policy).await;
    let mut tokens = Vec::new();
    for number in 0..number {
        let name = format!("auditor-{number}");
        let caller = platform::create_caller(&service.bao, &name, json!({}), &["auditor"]).await;
        tokens.push(caller.token);
    }
    tokens
}

/// Lists acme's secrets over and over, on so many connections of each of these callers.
fn keep_listing(service: &Direct, tokens: &[String], each: usize) -> JoinSet<()> {
    let mut lists = JoinSet::new();
    let client = http::client();
    for token in tokens.iter().flat_map(|token| vec![token.clone(); each]) {
        let url = format!("{}/v1/tenants/acme/secrets", service.validator.api_url());
        let client = client.clone();
        lists.spawn(async move {
            loop {
                let headers = [("x-vault-token", token.as_str())];
                let answer = http::send(&client, "GET", &url, &headers, None).await;
                if let Ok(answer) = answer {
                    assert!(matches!(answer.status, 200 | 503), "{answer:?}");
                }
            }
        });
    }
    lists
}

#[tokio::test(flavor = "multi_thread")]
async fn long_lists_do_not_block_quiet_tenant() {
    for bao in [Bao::unaudited().await, Bao::unaudited().await.reworded().await] {
        let env = [("VALIDATOR_LOG", "info"), ("VALIDATOR_VAULT_TIMEOUT", "8s")];
        let service = Direct::on(bao, &env).await;
        fill(&service, 2000).await;
        let (crm, list) = ("/v1/tenants/globex/secrets/crm", "/v1/tenants/globex/secrets");
        let token = service.globex.token();
        let body = Some(json!({"data": {"A": "1"}}));
        let written = service.api("PUT", crm, token, &[], body).await;
        assert_eq!(written.status, 201, "{written:?}");
        let tokens = auditors(&service, 8).await;
        let mut lists = keep_listing(&service, &tokens, CONNECTIONS / 8);
        let busy = Duration::from_secs(20);
        eventually(busy, "all lists to be under way", async || {
            let overloaded = "api_requests_total{route=\"/v1/tenants/{tenant}/secrets\"";
            (service.validator.metric(overloaded).await > 8.0).then_some(())
        })
        .await;
        for _ in 0..12 {
            for path in [crm, list] {
                let answer = service.api("GET", path, token, &[], None).await;
                assert_eq!(answer.status, 200, "{path}: {answer:?}");
            }
        }
        assert!(lists.try_join_next().is_none(), "a list was answered otherwise");
    }
}

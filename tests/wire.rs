//! Requests that no proxy should send, on all listeners: rejected, and harmless.

use std::time::{Duration, Instant};

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{Request, Version};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    time::timeout,
};

use crate::{
    expect::{granted, problem, refused},
    support::{
        direct::Direct,
        http::{self as client, Answer},
        platform,
        raw::{self, read_answer},
    },
};

const TIMEOUT: Duration = Duration::from_secs(5);

/// Sends these bytes to the auth listener; returns the response.
async fn send(service: &Direct, bytes: impl AsRef<[u8]>) -> Answer {
    let address = service.validator.auth_address();
    let answer = raw::exchange(address, bytes.as_ref(), TIMEOUT).await;
    answer.expect("a whole answer").into()
}

/// Returns a request for `/validate` with these header lines, each ended by CRLF.
fn validate(lines: impl AsRef<[u8]>) -> Vec<u8> {
    [b"GET /validate HTTP/1.1\r\nHost: v\r\n", lines.as_ref(), b"\r\n"].concat()
}

/// Opens a connection to the auth listener.
async fn connect(service: &Direct) -> BufReader<TcpStream> {
    let stream = TcpStream::connect(service.validator.auth_address()).await;
    BufReader::new(stream.expect("a connection"))
}

/// Asserts that the service runs without errors and has made this many lookups.
async fn assert_unharmed(service: &Direct, lookups: u64) {
    assert_eq!(service.validator.count("panics_total").await, 0);
    assert_eq!(service.calls("lookup").await, lookups);
    let internal = "decisions_total{reason=\"internal_error\"}";
    assert_eq!(service.validator.count(internal).await, 0);
    granted(&service.ask(service.acme.token()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_credentials_are_rejected() {
    let service = Direct::start().await;
    let long = "a b".repeat(7_000);
    let malformed: [&[u8]; 19] = [
        b"Authorization: Bearer\r\n",
        b"Authorization: Bearer \r\n",
        b"Authorization: Bearer \t \r\n",
        b"Authorization: bearer \"s.quoted\"\r\n",
        b"Authorization: Bearer s.a s.b\r\n",
        b"Authorization: Bearer s.a,Bearer s.b\r\n",
        b"Authorization: Bearer s.a;b\r\n",
        b"Authorization: Bearer s.a\\b\r\n",
        b"Authorization: Bearer s.\xc3\xa4\r\n",
        b"Authorization: Bearer s.\xff\xfe\r\n",
        b"Authorization: Bearer s.a\tb\r\n",
        b"Authorization: Bearer s.a\r\nAuthorization: Bearer\r\n",
        b"X-Vault-Token:\r\n",
        b"X-Vault-Token: \r\n",
        b"X-Vault-Token: s.a b\r\n",
        b"X-Vault-Token: 's.a',\r\n",
        b"X-Vault-Token: \xe2\x80\x8bs.a\r\n",
        b"X-Vault-Token: s.a\r\nX-Vault-Token:\r\n",
        &[b"Authorization: Bearer ", long.as_bytes(), b"\r\n"].concat(),
    ];
    for lines in malformed {
        let answer = send(&service, validate(lines)).await;
        refused(&answer, "credential_malformed");
    }
    assert_unharmed(&service, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_header_bytes_return_400() {
    let service = Direct::start().await;
    for byte in (0..=8).chain(11..=31).chain([127]).filter(|byte| *byte != b'\r') {
        let lines = [b"X-Vault-Token: s.a", &[byte][..], b"b\r\n"].concat();
        let answer = send(&service, validate(lines)).await;
        assert!(matches!(answer.status, 400 | 401), "{byte:#04x}: {answer:?}");
    }
    assert_unharmed(&service, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn long_token_is_sent_unchanged() {
    let service =
        Direct::start_with(&[("VALIDATOR_CREDENTIALS", "bearer,x-vault-token,basic")]).await;
    // A batch token holds its policies.
    let policies: Vec<String> =
        (0..150).map(|number| format!("a-policy-with-a-long-name-{number}")).collect();
    let options = json!({"type": "batch", "policies": policies, "ttl": "1h"});
    let token = platform::token(&service.bao, options).await;
    assert!(token.len() > 4096, "{} bytes", token.len());
    let basic = BASE64_STANDARD.encode(format!("user:{token}"));
    for special in ["", "Upgrade: nothing\r\n"] {
        for field in [
            format!("X-Vault-Token: {token}"),
            format!("Authorization: Bearer {token}"),
            format!("Authorization: Basic {basic}"),
        ] {
            let lines = format!("{field}\r\n{special}");
            let answer = send(&service, validate(&lines)).await;
            assert_eq!(answer.status, 200, "{special}: {answer:?}");
        }
        let other = format!("X-Vault-Token: {token}x\r\n{special}");
        refused(&send(&service, validate(&other)).await, "token_invalid");
        let longest = format!("X-Vault-Token: {}\r\n{special}", "a".repeat(60_000));
        refused(&send(&service, validate(&longest)).await, "token_invalid");
    }
    assert_unharmed(&service, 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_conflicts_are_rejected() {
    let service = Direct::start().await;
    let token = service.acme.token();
    for lines in [
        format!("X-Vault-Token: {token}\r\nX-Vault-Token: {token}\r\n"),
        format!("Authorization: Bearer {token}\r\nAuthorization: BEARER  {token}\r\n"),
        format!("Authorization: Bearer {token}\r\nX-Vault-Token: {token}\r\n"),
        format!("Authorization: Digest x\r\nAuthorization: Bearer {token}\r\n"),
        format!("Authorization: Bearer {token}\r\nAuthorization: Basic eDp5\r\n"),
    ] {
        granted(&send(&service, validate(&lines)).await);
    }
    for lines in [
        format!("X-Vault-Token: {token}\r\nX-Vault-Token: s.other\r\n"),
        format!("Authorization: Bearer s.other\r\nAuthorization: Bearer {token}\r\n"),
        format!("Authorization: Bearer {token}\r\nX-Vault-Token: s.other\r\n"),
    ] {
        refused(&send(&service, validate(&lines)).await, "credential_conflict");
    }
    assert_unharmed(&service, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn token_in_other_places_is_ignored() {
    let service = Direct::start().await;
    let token = service.acme.token();
    for lines in [
        format!("Proxy-Authorization: Bearer {token}\r\n"),
        format!("Cookie: token={token}; vault_token={token}\r\n"),
        format!("X-Bao-Token: {token}\r\n"),
        format!("X_Vault_Token: {token}\r\n"),
        format!("Authorization: {token}\r\n"),
        format!("Authorization: Bearer:{token}\r\n"),
        format!("Authorization: Token {token}\r\n"),
    ] {
        refused(&send(&service, validate(&lines)).await, "credential_missing");
    }
    for parameter in ["token", "access_token", "X-Vault-Token"] {
        let request = format!("GET /validate?{parameter}={token} HTTP/1.1\r\nHost: v\r\n\r\n");
        refused(&send(&service, &request).await, "requirement_invalid");
    }
    assert_unharmed(&service, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn thousand_headers_are_accepted() {
    let service = Direct::start().await;
    let lines: Vec<String> = (0..1000).map(|n| format!("X-Filler-{n}: {n}\r\n")).collect();
    let lines = lines.concat();
    refused(&send(&service, validate(&lines)).await, "credential_missing");
    let lines = format!("{lines}X-Vault-Token: {}\r\n", service.acme.token());
    granted(&send(&service, validate(&lines)).await);
    let lines = "A: b\r\n".repeat(3000);
    assert_eq!(send(&service, validate(&lines)).await.status, 431);
    assert_unharmed(&service, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn oversized_head_is_rejected() {
    let service = Direct::start().await;
    let lines = format!("X-Filler: {}\r\n", "a".repeat(70_000));
    for url in
        [service.validator.auth_url(), service.validator.api_url(), service.validator.admin_url()]
    {
        let address = url.trim_start_matches("http://");
        let answer = raw::exchange(address, &validate(&lines), TIMEOUT).await;
        assert_eq!(answer.expect("an answer").status, 431, "{url}");
        let target = format!("GET /{} HTTP/1.1\r\nHost: v\r\n\r\n", "a".repeat(70_000));
        let answer = raw::exchange(address, target.as_bytes(), TIMEOUT).await;
        let status = answer.expect("an answer").status;
        assert!(matches!(status, 414 | 431), "{url}: {status}");
    }
    assert_unharmed(&service, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn non_path_target_is_rejected() {
    let service = Direct::start().await;
    let token = service.acme.token();
    for (listener, url) in [
        ("auth", service.validator.auth_url()),
        ("api", service.validator.api_url()),
        ("admin", service.validator.admin_url()),
    ] {
        let address = url.trim_start_matches("http://");
        for line in [
            "GET http://v/validate HTTP/1.1",
            "GET HTTP://v/healthz HTTP/1.1",
            "GET http://v HTTP/1.1",
            "GET ftp://v/validate HTTP/1.1",
            "CONNECT v:443 HTTP/1.1",
            "GET v:443 HTTP/1.1",
            "OPTIONS * HTTP/1.1",
            "GET * HTTP/1.1",
            "GET x:http://v/validate HTTP/1.1",
            "GET validate HTTP/1.1",
            "GET ?tenant=acme HTTP/1.1",
            "GET \\validate HTTP/1.1",
            "GET  HTTP/1.1",
            "GET /validate# HTTP/1.1",
            "GET /# HTTP/1.1",
            "GET /healthz#?tenant=acme HTTP/1.1",
            "GET /validate?tenant=acme#&policy=crm-admin HTTP/1.1",
            "GET /validate?tenant={labels.2} HTTP/1.1",
            "GET /validate?tenant=\"acme\" HTTP/1.1",
            "GET /validate?tenant=acm\u{e9} HTTP/1.1",
            "GET /validate?tenant=acme% HTTP/1.1",
            "GET /validate?tenant=%zz HTTP/1.1",
            "GET /{validate} HTTP/1.1",
            "GET /a|b HTTP/1.1",
            "GET /a<b HTTP/1.1",
        ] {
            let request = format!("{line}\r\nHost: v\r\nX-Vault-Token: {token}\r\n\r\n");
            let answer = raw::exchange(address, request.as_bytes(), TIMEOUT).await;
            let answer: Answer = answer.unwrap_or_else(|| panic!("{listener}: {line}")).into();
            assert_eq!(answer.status, 400, "{listener}: {line}: {answer:?}");
            refused(&answer, "request_invalid");
        }
    }
    assert_unharmed(&service, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_requirements_deny_route() {
    let service = Direct::start().await;
    for query in [
        "tenant",
        "tenant=",
        "tenant=acme&tenant=acme",
        "tenant=acme&tenant=globex",
        "Tenant=acme",
        "policy",
        "policy=",
        "policy=,",
        "policy=a,,b",
        "policy=a&policy=",
        "role=admin",
        "tenant=acme&",
        "&tenant=acme",
        "tenant=acme;policy=a",
        "tenant%00=acme",
        "tenant=acme%0a",
        "tenant=%ff",
        "tenant=%7Blabels.2%7D",
        "acl=/route/crm",
        "acl=route/../crm",
        "acl_uri=",
        "tenant%5B%5D=acme",
        "tenant=acme?tenant=acme",
        "=",
        "&&",
        "token=x",
        "tenant=*",
        "tenant=acme.",
        "policy=%20",
    ] {
        refused(&service.require(query, service.acme.token()).await, "requirement_invalid");
    }
    for query in ["tenant={labels.2}", "tenant[]=acme", "tenant=acme|globex", "policy=`a`"] {
        refused(&service.require(query, service.acme.token()).await, "request_invalid");
    }
    for query in ["tenant=ACME", "policy=crm-agent&policy=tenant", "policy=x,Tenant", ""] {
        granted(&service.require(query, service.acme.token()).await);
    }
    assert_unharmed(&service, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn auth_serves_only_validate() {
    let service = Direct::start().await;
    let token = service.acme.token();
    for path in [
        "/",
        "/validate/",
        "/validate/x",
        "//validate",
        "/./validate",
        "/x/../validate",
        "/Validate",
        "/%76alidate",
        "/validate;x",
        "/validate%3ftenant=acme",
        "/metrics",
        "/healthz",
        "/readyz",
        "/cache",
        "/v1/whoami",
        "/favicon.ico",
        "/validate%00",
        "/validat",
    ] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: v\r\nX-Vault-Token: {token}\r\n\r\n");
        refused(&send(&service, &request).await, "not_found");
    }
    assert_unharmed(&service, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn listeners_have_own_paths() {
    let service = Direct::start().await;
    let get = async |method: &str, url: String| {
        client::send(&client::client(), method, &url, &[], None).await.expect("an answer")
    };
    let (api, admin) = (service.validator.api_url(), service.validator.admin_url());
    for path in ["/validate", "/metrics", "/healthz", "/readyz", "/cache"] {
        problem(&get("GET", format!("{api}{path}")).await, 404, "not_found");
    }
    for path in ["/validate", "/console", "/v1/whoami"] {
        refused(&get("GET", format!("{admin}{path}")).await, "not_found");
    }
    for (method, path) in [("POST", "/metrics"), ("DELETE", "/healthz"), ("PUT", "/cache")] {
        let answer = get(method, format!("{admin}{path}")).await;
        assert_eq!(answer.status, 405, "{method} {path}");
        assert!(answer.header("allow").is_some(), "{method} {path}");
    }
    for path in ["/healthz", "/readyz", "/metrics", "/cache"] {
        assert_eq!(get("GET", format!("{admin}{path}")).await.status, 200, "{path}");
    }
    let about = get("GET", api).await.json();
    assert_eq!(about["name"], "vault-auth-validator");
}

#[tokio::test(flavor = "multi_thread")]
async fn response_does_not_wait_for_body() {
    let service = Direct::start().await;
    let token = service.acme.token();
    for lines in [
        format!("X-Vault-Token: {token}\r\nContent-Length: 1000000\r\n"),
        format!("X-Vault-Token: {token}\r\nTransfer-Encoding: chunked\r\n"),
        format!("X-Vault-Token: {token}\r\nContent-Length: 5\r\nExpect: 100-continue\r\n"),
    ] {
        let request = format!("POST /validate HTTP/1.1\r\nHost: v\r\n{lines}\r\n");
        let start = Instant::now();
        granted(&send(&service, &request).await);
        assert!(start.elapsed() < Duration::from_secs(1), "{lines}");
    }
    assert_unharmed(&service, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unread_body_is_no_request() {
    let service = Direct::start().await;
    let token = service.acme.token();
    let smuggled = "GET /validate HTTP/1.1\r\nHost: v\r\n\r\n";
    let request = format!(
        "POST /validate HTTP/1.1\r\nHost: v\r\nX-Vault-Token: {token}\r\nContent-Length: {}\r\n\r\n\
         {smuggled}",
        smuggled.len()
    );
    let mut stream = connect(&service).await;
    stream.write_all(request.as_bytes()).await.expect("sent");
    granted(&read_answer(&mut stream).await.expect("an answer").into());
    stream.get_mut().shutdown().await.expect("no more to say");
    let mut rest = Vec::new();
    let end = timeout(TIMEOUT, stream.read_to_end(&mut rest)).await;
    assert!(matches!(end, Ok(Ok(_))), "the connection stays open");
    assert_eq!(String::from_utf8_lossy(&rest), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn ambiguous_framing_is_one_request() {
    let service = Direct::start().await;
    for lines in [
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: 5, 5\r\n",
        "Transfer-Encoding: gzip\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
    ] {
        let request = format!("POST /validate HTTP/1.1\r\nHost: v\r\n{lines}\r\n0\r\n\r\n");
        let mut stream = connect(&service).await;
        stream.write_all(request.as_bytes()).await.expect("sent");
        let answer: Answer = read_answer(&mut stream).await.expect("an answer").into();
        assert!(matches!(answer.status, 400 | 401), "{lines}: {answer:?}");
        stream.get_mut().shutdown().await.expect("no more to say");
        let mut rest = Vec::new();
        let end = timeout(TIMEOUT, stream.read_to_end(&mut rest)).await;
        assert!(end.is_ok(), "{lines}: the connection stays open");
        assert_eq!(String::from_utf8_lossy(&rest), "", "{lines}");
    }
    assert_unharmed(&service, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn non_http_bytes_close_connection() {
    let service = Direct::start().await;
    let garbage: [&[u8]; 7] = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\r\n\r\n",
        b"\r\n\r\n\r\nhello\r\n\r\n",
        b"GET /validate HTTP/9.9\r\n\r\n",
        b"GET /validate HTTP/1.1\r\nHost: v\r\n folded: x\r\nno colon\r\n\r\n",
        b"GET /validate HTTP/1.1\r\nX-Vault-Token : s.a\r\n\r\n",
        b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
    ];
    for bytes in garbage {
        let mut stream = connect(&service).await;
        stream.write_all(bytes).await.expect("sent");
        stream.get_mut().shutdown().await.expect("no more to say");
        let mut answer = Vec::new();
        let read = timeout(TIMEOUT, stream.read_to_end(&mut answer)).await;
        assert!(read.is_ok(), "the connection stays open after {bytes:?}");
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{bytes:?}: {answer}");
    }
    assert_unharmed(&service, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn http_1_0_closes_after_response() {
    let service = Direct::start().await;
    let request =
        format!("GET /validate HTTP/1.0\r\nX-Vault-Token: {}\r\n\r\n", service.acme.token());
    let mut stream = connect(&service).await;
    stream.write_all(request.as_bytes()).await.expect("sent");
    let answer: Answer = read_answer(&mut stream).await.expect("an answer").into();
    assert_eq!((answer.status, answer.header("x-auth-tenant")), (200, Some("acme")));
    assert_eq!(stream.read(&mut [0]).await.expect("the end"), 0, "it stays open");
}

#[tokio::test(flavor = "multi_thread")]
async fn pipelined_responses_are_ordered() {
    let service = Direct::start().await;
    let first = validate(format!("X-Vault-Token: {}\r\n", service.acme.token()));
    let second = validate("");
    let mut stream = connect(&service).await;
    stream.write_all(&[first, second].concat()).await.expect("sent");
    granted(&read_answer(&mut stream).await.expect("the first answer").into());
    let second = read_answer(&mut stream).await.expect("the second answer").into();
    refused(&second, "credential_missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn connection_separates_callers() {
    let service = Direct::start().await;
    let mut stream = connect(&service).await;
    for _ in 0..5 {
        for tenant in [&service.acme, &service.globex] {
            let request = validate(format!("X-Vault-Token: {}\r\n", tenant.token()));
            stream.write_all(&request).await.expect("sent");
            let answer: Answer = read_answer(&mut stream).await.expect("an answer").into();
            assert_eq!(granted(&answer)[2], tenant.name);
        }
        stream.write_all(&validate("")).await.expect("sent");
        let answer = read_answer(&mut stream).await.expect("an answer").into();
        refused(&answer, "credential_missing");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn http2_prior_knowledge_works() {
    let service = Direct::start().await;
    let stream = TcpStream::connect(service.validator.auth_address()).await.expect("a connection");
    let (mut sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.expect("a handshake");
    tokio::spawn(connection);
    for (token, path, status) in [
        (service.acme.token(), "/validate?tenant=acme", 200),
        (service.globex.token(), "/validate?tenant=acme", 403),
        (service.acme.token(), "/validate/", 404),
        ("s.unknown", "/validate", 401),
    ] {
        let request = Request::get(format!("http://{}{path}", service.validator.auth_address()))
            .header("x-vault-token", token)
            .body(Empty::<Bytes>::new())
            .expect("a request");
        let response = sender.send_request(request).await.expect("an answer");
        assert_eq!(response.version(), Version::HTTP_2);
        assert_eq!(response.status(), status, "{path}");
        let tenant = response.headers().get("x-auth-tenant").cloned();
        assert_eq!(tenant.is_some_and(|tenant| tenant == "acme"), status == 200, "{path}");
        let body = response.into_body().collect().await.expect("a body").to_bytes();
        assert_eq!(body.is_empty(), status == 200, "{path}");
    }
    assert_unharmed(&service, 3).await;
}

/// Sends a request head byte by byte until the connection is closed; returns the time until then.
async fn trickle(mut stream: BufReader<TcpStream>) -> Duration {
    let start = Instant::now();
    let head = format!("GET /validate HTTP/1.1\r\nX-Filler: {}", "a".repeat(100));
    for byte in head.bytes() {
        let mut answer = [0];
        let sent = stream.write_all(&[byte]).await;
        match timeout(Duration::from_millis(200), stream.read(&mut answer)).await {
            Err(_) if sent.is_ok() => {}
            end => {
                assert!(matches!(end, Err(_) | Ok(Ok(0) | Err(_))), "it was answered");
                break;
            }
        }
    }
    start.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_head_times_out() {
    let service = Direct::start().await;
    let silent = async {
        let (start, mut stream) = (Instant::now(), connect(&service).await);
        let mut answer = [0];
        let end = timeout(Duration::from_secs(20), stream.read(&mut answer)).await;
        assert!(matches!(end, Ok(Ok(0))), "it stays open, or was answered");
        start.elapsed()
    };
    let second = async {
        let mut stream = connect(&service).await;
        stream.write_all(&validate("")).await.expect("sent");
        let answer = read_answer(&mut stream).await.expect("an answer").into();
        refused(&answer, "credential_missing");
        trickle(stream).await
    };
    let (silent, first, second) =
        tokio::join!(silent, async { trickle(connect(&service).await).await }, second);
    for elapsed in [silent, first, second] {
        let limit = Duration::from_secs(9)..Duration::from_secs(13);
        assert!(limit.contains(&elapsed), "after {silent:?}, {first:?}, {second:?}");
    }
    assert_unharmed(&service, 0).await;
}

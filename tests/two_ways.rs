//! The program's own HTTP/1 parser, which answers cached callers straight from the received bytes,
//! agrees with hyper, which takes over connections with any other request.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    time::{sleep, timeout},
};

use crate::{
    expect::{granted, refused},
    support::{direct::Direct, http::Answer, raw::read_answer},
};

/// The time without a byte after which a response counts as complete.
const SILENCE: Duration = Duration::from_millis(400);

/// The number of random requests.
const RANDOM_REQUESTS: u64 = 3000;

/// Bytes with a meaning in HTTP, URIs or tokens.
const SPECIAL_BYTES: &[u8] = b"\r\n\t\0 :;,?#%&=/\\.\"<>{}@aZ0\x7f\x80\xff";

/// Request targets, some of them invalid.
const TARGETS: [&str; 19] = [
    "/validate",
    "/validate?",
    "/validate?tenant=acme",
    "/validate?tenant=acme&policy=tenant",
    "/validate?tenant=globex",
    "/validate?acl=route/crm",
    "/validate?tenant=acme#",
    "/validate?tenant=acme#x",
    "/validate#",
    "/validate?tenant=acme%20",
    "/validate?tenant=acme\"",
    "/validate?tenant=acm\u{e9}",
    "/validate/",
    "//validate",
    "/validate??tenant=acme",
    "http://v/validate?tenant=acme",
    "*",
    "v:443",
    "/",
];

/// Single header lines.
const LINES: [&str; 25] = [
    "Connection: keep-alive\r\n",
    "Connection: Keep-Alive, close\r\n",
    "connection: close\r\n",
    "Connection: Upgrade\r\nUpgrade: h2c\r\n",
    "Upgrade: websocket\r\n",
    "Content-Length: 0\r\n",
    "Content-Length: 00\r\n",
    "Content-Length: +0\r\n",
    "Content-Length: 0\r\nContent-Length: 0\r\n",
    "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n",
    "Content-Length: 3\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Expect: 100-continue\r\n",
    "X-Forwarded-Method: GET\r\n",
    "X-Vault-Token: s.other\r\n",
    "x-vault-token:\r\n",
    "Authorization: Basic eDp5\r\n",
    "X_Vault_Token: s.other\r\n",
    "X-Odd: \t a \t \r\n",
    "X-Odd:\r\n",
    "X-Odd : a\r\n",
    "X-Odd: a\n",
    " folded\r\n",
    "X-Odd: \u{e9}\u{7f}\r\n",
    "no colon\r\n",
];

/// The parser of a connection, which depends on its first request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Server {
    /// This program's own parser.
    Own,
    /// hyper, after a request that only it handles.
    Hyper,
}

fn request(line: &str, token: &str, lines: &str) -> Vec<u8> {
    let proxy = "X-Forwarded-Method: GET\r\nX-Forwarded-Uri: /contacts?page=2\r\n";
    format!("{line}\r\nHost: v\r\nAuthorization: Bearer {token}\r\n{proxy}{lines}\r\n").into()
}

/// Opens a connection that is served by this parser.
async fn connect(service: &Direct, server: Server) -> BufReader<TcpStream> {
    let special = match server {
        Server::Own => "",
        Server::Hyper => "Upgrade: nothing\r\n",
    };
    let first = request("GET /validate HTTP/1.1", service.acme.token(), special);
    let stream = TcpStream::connect(service.validator.auth_address()).await.expect("a connection");
    stream.set_nodelay(true).expect("a connection");
    let mut stream = BufReader::new(stream);
    stream.write_all(&first).await.expect("sent");
    granted(&read_answer(&mut stream).await.expect("an answer").into());
    stream
}

/// Returns all responses to these bytes until the connection is closed or silent, without values that
/// differ between responses.
async fn answers(service: &Direct, server: Server, bytes: &[u8]) -> Vec<String> {
    let mut stream = connect(service, server).await;
    // The server may respond before it has read everything.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    while let Ok(Ok(1..)) = timeout(SILENCE, stream.read_buf(&mut answer)).await {}
    let answer = String::from_utf8(answer).expect("text");
    let mut lines: Vec<String> = answer.split("\r\n").map(str::to_owned).collect();
    lines.retain(|line| !line.starts_with("date: "));
    for line in &mut lines {
        if let Some(id) = line.find("\"request_id\":") {
            line.truncate(id);
        }
    }
    lines
}

/// Asserts that both parsers respond alike to these bytes followed by a last request.
async fn assert_same_responses(service: &Direct, bytes: &[u8]) -> Vec<String> {
    let last = request("GET /validate HTTP/1.1", service.acme.token(), "Connection: close\r\n");
    let bytes = [bytes, &last].concat();
    let own = answers(service, Server::Own, &bytes).await;
    let hyper = answers(service, Server::Hyper, &bytes).await;
    assert_eq!(own, hyper, "{}", bytes.escape_ascii());
    own
}

/// Returns requests that differ in one detail from plain ones of a cached caller.
fn near_plain_requests(token: &str) -> Vec<Vec<u8>> {
    let methods = ["GET", "POST", "HEAD", "OPTIONS", "PURGE", "get", "G(T", "PRI"];
    let versions = ["HTTP/1.0", "HTTP/1.2", "HTTP/2.0", "http/1.1", "HTTP/1.1 "];
    let with_target = TARGETS.map(|target| request(&format!("GET {target} HTTP/1.1"), token, ""));
    let with_lines = LINES.map(|lines| request("GET /validate HTTP/1.1", token, lines));
    let with_method = methods.map(|name| request(&format!("{name} /validate HTTP/1.1"), token, ""));
    let with_version = versions.map(|name| request(&format!("GET /validate {name}"), token, ""));
    let many = "X-Filler: a\r\n".repeat(150);
    let long = format!("X-Filler: {}\r\n", "a".repeat(20_000));
    let with_much = [many, long].map(|lines| request("GET /validate HTTP/1.1", token, &lines));
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
    let plain = request("GET /validate HTTP/1.1", token, "");
    let blank = [b"\r\n\n\r\n", &*plain, b"\r\n"].concat();
    let others = [preface, blank];
    let all = with_target.into_iter().chain(with_lines).chain(with_method).chain(with_version);
    all.chain(with_much).chain(others).collect()
}

/// Returns a request with random bytes changed.
fn mutated(mut bytes: Vec<u8>, random: &mut StdRng) -> Vec<u8> {
    for _ in 0..random.random_range(1..4) {
        let place = random.random_range(0..bytes.len());
        let byte = SPECIAL_BYTES[random.random_range(0..SPECIAL_BYTES.len())];
        match random.random_range(0..5) {
            0 => bytes[place] = byte,
            1 => bytes.insert(place, byte),
            2 => drop(bytes.remove(place)),
            3 => bytes[place] = bytes[place].to_ascii_uppercase(),
            _ => {
                let end = (place + random.random_range(1..40)).min(bytes.len());
                let again = bytes[place..end].to_vec();
                bytes.splice(place..place, again);
            }
        }
    }
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn parsers_agree_on_edge_cases() {
    let service = Direct::start_with(&[("VALIDATOR_FAILURE_LIMIT", "0")]).await;
    for bytes in near_plain_requests(service.acme.token()) {
        let answers = assert_same_responses(&service, &bytes).await;
        let in_http1 = !bytes.starts_with(b"PRI * HTTP/2.0");
        let answered = answers[0].starts_with("HTTP/1.");
        assert_eq!(answered, in_http1, "{}: {answers:?}", bytes.escape_ascii());
    }
    assert_eq!(service.validator.count("panics_total").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn parsers_agree_on_random_requests() {
    let service = Direct::start_with(&[("VALIDATOR_FAILURE_LIMIT", "0")]).await;
    let plain = near_plain_requests(service.acme.token());
    let checks = stream::iter(0..RANDOM_REQUESTS).map(|seed| {
        let mut random = StdRng::seed_from_u64(seed);
        let begun = plain[random.random_range(0..plain.len())].clone();
        let bytes = mutated(begun, &mut random);
        let service = &service;
        async move { assert_same_responses(service, &bytes).await }
    });
    let all: Vec<_> = checks.buffer_unordered(16).collect().await;
    let with = |status: &str| {
        let is = |answer: &&Vec<String>| answer[0].starts_with(&format!("HTTP/1.1 {status}"));
        all.iter().filter(is).count()
    };
    for status in ["200", "400", "401", "404"] {
        assert!(with(status) > 20, "{status}: {} of {RANDOM_REQUESTS}", with(status));
    }
    assert_eq!(service.validator.count("panics_total").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn parsers_agree_on_split_requests() {
    let service = Direct::start().await;
    let whole = request("GET /validate?tenant=acme HTTP/1.1", service.acme.token(), "");
    for pieces in [2, 5, whole.len()] {
        let mut stream = connect(&service, Server::Own).await;
        for piece in whole.chunks(whole.len().div_ceil(pieces)) {
            stream.write_all(piece).await.expect("sent");
            // Makes the piece arrive as a packet of its own.
            sleep(Duration::from_millis(2)).await;
        }
        let answer: Answer = read_answer(&mut stream).await.expect("an answer").into();
        assert_eq!(granted(&answer)[2], "acme", "in {pieces} pieces");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pipelined_requests_keep_order() {
    let service = Direct::start_with(&[("VALIDATOR_FAILURE_LIMIT", "0")]).await;
    for server in [Server::Own, Server::Hyper] {
        let mut stream = connect(&service, server).await;
        let (known, other) = (service.acme.token(), service.globex.token());
        let requests = [known, "s.unknown", other, known, ""]
            .map(|token| request("GET /validate?tenant=acme HTTP/1.1", token, ""));
        stream.write_all(&requests.concat().repeat(40)).await.expect("sent");
        for _ in 0..40 {
            let mut next =
                async || -> Answer { read_answer(&mut stream).await.expect("an answer").into() };
            granted(&next().await);
            refused(&next().await, "token_invalid");
            refused(&next().await, "tenant_mismatch");
            granted(&next().await);
            refused(&next().await, "credential_malformed");
        }
    }
}

//! Attacks by a web page in the browser of an operator who can reach the admin listener.

use std::fs;

use http::{Request, StatusCode};
use http_body_util::Empty;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::json;
use tokio::net::TcpStream;

use super::send;
use crate::{
    expect::granted,
    support::{direct::Direct, http::Answer},
};

/// Requests that change something, and one for a path that does not exist.
const CHANGES: [&str; 5] = [
    "POST /audit",
    "DELETE /cache",
    "DELETE /cache/accessors/a",
    "DELETE /cache/entities/e",
    "PUT /nothing",
];

/// Returns the admin listener's response to this method and path, with these header lines alone.
async fn ask(service: &Direct, request: &str, lines: &str) -> Answer {
    let url = service.validator.admin_url();
    let request = format!("{request} HTTP/1.1\r\n{lines}Content-Length: 0\r\n\r\n");
    send(url.trim_start_matches("http://"), request).await
}

/// Asserts that the request was refused like this, and that the cache still has acme.
async fn without_effect(service: &Direct, answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status, &answer.json()["code"]), (status, &json!(code)), "{answer:?}");
    assert_eq!(answer.header("access-control-allow-origin"), None);
    let lookups = service.calls("lookup").await;
    granted(&service.ask(service.acme.token()).await);
    assert_eq!(service.calls("lookup").await, lookups, "the token was evicted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a54_web_page_cannot_change_admin_state() {
    let service = Direct::start().await;
    granted(&service.ask(service.acme.token()).await);
    for request in CHANGES {
        for origin in ["https://evil.example.com", "http://127.0.0.1:9090", "null", ""] {
            let lines =
                format!("Host: 127.0.0.1\r\nContent-Type: text/plain\r\nOrigin: {origin}\r\n");
            let answer = ask(&service, request, &lines).await;
            without_effect(&service, &answer, 403, "origin_not_allowed").await;
        }
    }
    let preflight = "Host: localhost\r\nOrigin: https://evil.example.com\r\n\
                     Access-Control-Request-Method: DELETE\r\n";
    let answer = ask(&service, "OPTIONS /cache", preflight).await;
    assert!(answer.status >= 400, "{answer:?}");
    assert_eq!(answer.header("access-control-allow-origin"), None);
    let from_elsewhere = "Host: evil.example.com\r\nOrigin: https://evil.example.com\r\n";
    assert_eq!(ask(&service, "GET /cache", from_elsewhere).await.status, 200);
    let answer = ask(&service, "DELETE /cache", "Host: 127.0.0.1\r\n").await;
    assert_eq!(answer.status, 204, "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a55_rebound_host_cannot_change_admin_state() {
    let hosts = [("VALIDATOR_ADMIN_HOSTS", "validator, auth.example.com")];
    let service = Direct::start_with(&hosts).await;
    granted(&service.ask(service.acme.token()).await);
    let rebound = [
        "Host: evil.example.com:9090\r\n",
        "Host: 127.0.0.1.evil.example.com\r\n",
        "Host: user@localhost\r\n",
        "Host: localhost\r\nHost: localhost\r\n",
        "Host: localhost\r\nHost: evil.example.com\r\n",
        "Host:\r\n",
        "",
    ];
    for request in CHANGES {
        for lines in rebound {
            let answer = ask(&service, request, lines).await;
            without_effect(&service, &answer, 403, "host_not_allowed").await;
        }
    }
    for (host, status) in [("evil.example.com", 403), ("auth.example.com", 204)] {
        let request = Request::delete(format!("http://{host}/cache"));
        let status = StatusCode::from_u16(status).expect("a status");
        assert_eq!(over_http2(&service, request).await, status, "{host}");
    }
    for host in ["validator:9090", "AUTH.example.com.", "[::1]:9090", "localhost"] {
        let answer = ask(&service, "DELETE /cache", &format!("Host: {host}\r\n")).await;
        assert_eq!(answer.status, 204, "{host}: {answer:?}");
    }
}

async fn over_http2(service: &Direct, request: http::request::Builder) -> StatusCode {
    let url = service.validator.admin_url();
    let stream = TcpStream::connect(url.trim_start_matches("http://")).await;
    let stream = TokioIo::new(stream.expect("a connection"));
    let handshake = http2::handshake(TokioExecutor::new(), stream).await;
    let (mut sender, connection) = handshake.expect("a handshake");
    tokio::spawn(connection);
    let request = request.body(Empty::<bytes::Bytes>::new()).expect("a request");
    sender.send_request(request).await.expect("an answer").status()
}

#[tokio::test(flavor = "multi_thread")]
async fn admin_token_is_needed_for_changes() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (file, token) = (dir.path().join("token"), "an-admin-token-of-28-letters");
    fs::write(&file, format!("{token}\n")).expect("a file");
    let path = file.display().to_string();
    let service = Direct::start_with(&[("VALIDATOR_ADMIN_TOKEN_FILE", &path)]).await;
    granted(&service.ask(service.acme.token()).await);
    let twice = format!("Authorization: Bearer {token}\r\n").repeat(2);
    for (lines, code) in [
        ("", "credential_missing"),
        ("Authorization: Basic dTpw\r\n", "credential_missing"),
        (&twice, "credential_missing"),
        ("Authorization: Bearer another-token-that-is-long\r\n", "token_invalid"),
        ("Authorization: Bearer \r\n", "credential_missing"),
    ] {
        for request in CHANGES {
            let answer = ask(&service, request, &format!("Host: localhost\r\n{lines}")).await;
            assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"admin\""));
            without_effect(&service, &answer, 401, code).await;
        }
    }
    assert_eq!(service.validator.admin("GET", "/cache").await.0, 200);
    let authorized = format!("Host: localhost\r\nAuthorization: bearer {token}\r\n");
    assert_eq!(ask(&service, "DELETE /cache", &authorized).await.status, 204);
    let from_page = format!("{authorized}Origin: https://evil.example.com\r\n");
    assert_eq!(ask(&service, "DELETE /cache", &from_page).await.status, 403);
    assert!(!service.validator.log().contains(token), "the token is in the log");
}

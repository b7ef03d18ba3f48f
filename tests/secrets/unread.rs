//! Responses that the client asks for and does not read.

use std::{fs, time::Duration};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::json;
use tokio::{net::TcpStream, task::JoinSet, time::timeout};

use crate::support::{bao::Bao, direct::Direct, wait::eventually};

/// How many connections there are, and how many requests on each.
const CONNECTIONS: usize = 7;
const REQUESTS: usize = 96;

/// How large the secret is, in bytes.
const SIZE: usize = 700_000;

/// How much more memory the service may use, in kB.
const MORE: u64 = 100_000;

/// The memory of the service, in kB.
fn resident(service: &Direct) -> u64 {
    let path = format!("/proc/{}/status", service.validator.process().pid());
    let status = fs::read_to_string(path).expect("/proc");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a size");
    line.split_whitespace().next().and_then(|size| size.parse().ok()).expect("kB")
}

/// Sends requests for the secret on a connection whose windows are this large, in bytes, and keeps
/// the responses.
async fn ask(address: String, token: String, window: u32) {
    let stream = TcpStream::connect(address).await.expect("a connection");
    let (sender, connection) = http2::Builder::new(TokioExecutor::new())
        .initial_stream_window_size(window)
        .handshake(TokioIo::new(stream))
        .await
        .expect("HTTP/2");
    tokio::spawn(connection);
    let mut responses = JoinSet::new();
    for _ in 0..REQUESTS {
        let request = Request::get("http://x/v1/tenants/acme/secrets/large")
            .header("x-vault-token", &token)
            .body(Empty::<Bytes>::new())
            .expect("a request");
        let mut sender = sender.clone();
        responses.spawn(async move {
            sender.ready().await.expect("a stream");
            sender.send_request(request).await
        });
    }
    let kept = responses.join_all().await;
    std::future::pending::<()>().await;
    drop(kept);
}

/// The most memory that the service uses, in kB, while very many responses are asked for and not
/// read, until it has taken them back.
async fn most_while_unread(service: &Direct) -> u64 {
    let mut clients = JoinSet::new();
    for window in [0, 1].into_iter().cycle().take(CONNECTIONS) {
        let address = service.validator.api_url().replace("http://", "");
        clients.spawn(ask(address, service.acme.token().to_owned(), window));
    }
    let mut most = 0;
    let own = async || {
        let path = "/v1/tenants/acme/secrets/large?field=A";
        let own = service.api("GET", path, service.acme.token(), &[], None).await;
        assert!(matches!(own.status, 200 | 503), "{own:?}");
        own.status == 200
    };
    let busy = eventually(Duration::from_secs(30), "acme to have used up its share", async || {
        (!own().await).then_some(())
    });
    busy.await;
    eventually(Duration::from_secs(20), "unread responses to be taken back", async || {
        let path = "/v1/tenants/globex/secrets";
        let other = service.api("GET", path, service.globex.token(), &[], None).await;
        assert_eq!(other.status, 200, "{other:?}");
        most = resident(service).max(most);
        own().await.then_some(())
    })
    .await;
    most
}

async fn with_a_large_secret() -> Direct {
    let service = Direct::on(
        Bao::unaudited().await,
        &[("VALIDATOR_LOG", "info"), ("VALIDATOR_VAULT_TIMEOUT", "8s")],
    )
    .await;
    let body = json!({"data": {"A": "x".repeat(SIZE)}});
    let path = "/v1/tenants/acme/secrets/large";
    let created = service.api("PUT", path, service.acme.token(), &[], Some(body)).await;
    assert_eq!(created.status, 201, "{created:?}");
    service
}

#[tokio::test(flavor = "multi_thread")]
async fn unread_responses_take_bounded_memory_for_a_bounded_time() {
    let service = with_a_large_secret().await;
    let before = resident(&service);
    let grown = most_while_unread(&service).await.saturating_sub(before);
    assert!(grown < MORE, "{grown} kB more");
}

#[tokio::test(flavor = "multi_thread")]
async fn large_response_comes_whole_over_http2() {
    let service = with_a_large_secret().await;
    let address = service.validator.api_url().replace("http://", "");
    let stream = TcpStream::connect(address).await.expect("a connection");
    let (mut sender, connection) = http2::Builder::new(TokioExecutor::new())
        .initial_stream_window_size(64 * 1024)
        .handshake(TokioIo::new(stream))
        .await
        .expect("HTTP/2");
    tokio::spawn(connection);
    let request = Request::get("http://x/v1/tenants/acme/secrets/large?field=A")
        .header("x-vault-token", service.acme.token())
        .body(Empty::<Bytes>::new())
        .expect("a request");
    let response = sender.send_request(request).await.expect("a response");
    assert_eq!(response.headers()["content-length"], SIZE.to_string());
    let mut body = response.into_body();
    let mut read = 0;
    while let Some(frame) = timeout(Duration::from_secs(5), body.frame()).await.expect("in time") {
        let data = frame.expect("a frame").into_data().expect("data");
        assert!(data.iter().all(|&byte| byte == b'x'));
        read += data.len();
    }
    assert_eq!(read, SIZE);
}

//! Responses that the client asks for and does not read.

use std::{fs, time::Duration};

use bytes::Bytes;
use futures_util::future::join_all;
use http::{Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::{
    body::Incoming,
    client::conn::http2::{self, SendRequest},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::json;
use tokio::{
    net::TcpStream,
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::support::{bao::Bao, direct::Direct, wait::eventually};

/// The number of requests on a connection.
const REQUESTS: usize = 96;

/// The number of connections that request the large secret.
const CONNECTIONS: usize = 7;

/// The size of a secret, in bytes.
const LARGE: usize = 700_000;
const SMALL: usize = 15_000;

/// The time that the service waits for a client that reads nothing.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The maximum growth of the service's memory, in kB.
const MORE: u64 = 100_000;

/// The memory of the service, in kB.
fn resident(service: &Direct) -> u64 {
    let path = format!("/proc/{}/status", service.validator.process().pid());
    let status = fs::read_to_string(path).expect("/proc");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a size");
    line.split_whitespace().next().and_then(|size| size.parse().ok()).expect("kB")
}

/// A client with one connection, who reads no response.
#[derive(Clone)]
struct Client {
    sender: SendRequest<Empty<Bytes>>,
    path: &'static str,
    token: String,
}

impl Client {
    /// A client who will ask for this path, and whose windows are this large, in bytes.
    async fn connect(service: &Direct, path: &'static str, window: u32) -> Self {
        let address = service.validator.api_url().replace("http://", "");
        let stream = TcpStream::connect(address).await.expect("a connection");
        let (sender, connection) = http2::Builder::new(TokioExecutor::new())
            .initial_stream_window_size(window)
            .handshake(TokioIo::new(stream))
            .await
            .expect("HTTP/2");
        tokio::spawn(connection);
        Self { sender, path, token: service.acme.token().to_owned() }
    }

    async fn send(&mut self) -> hyper::Result<Response<Incoming>> {
        let request = Request::get(format!("http://x{}", self.path))
            .header("x-vault-token", &self.token)
            .body(Empty::<Bytes>::new())
            .expect("a request");
        self.sender.ready().await.expect("a stream");
        self.sender.send_request(request).await
    }

    /// The responses to as many requests, all sent at once.
    async fn send_all(&self) -> Vec<hyper::Result<Response<Incoming>>> {
        let mut clients = vec![self.clone(); REQUESTS];
        join_all(clients.iter_mut().map(Self::send)).await
    }
}

/// The most memory that the service uses, in kB, while very many responses are asked for and not
/// read, until it has taken them back.
async fn most_while_unread(service: &Direct) -> u64 {
    let mut clients = JoinSet::new();
    for window in [0, 1].into_iter().cycle().take(CONNECTIONS) {
        let client = Client::connect(service, "/v1/tenants/acme/secrets/large", window).await;
        clients.spawn(async move {
            let kept = client.send_all().await;
            std::future::pending::<()>().await;
            drop(kept);
        });
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

/// A service with a secret of this name, and of this size in bytes.
async fn with_a_secret(name: &str, size: usize) -> Direct {
    let service = Direct::on(
        Bao::unaudited().await,
        &[("VALIDATOR_LOG", "info"), ("VALIDATOR_VAULT_TIMEOUT", "8s")],
    )
    .await;
    let body = json!({"data": {"A": "x".repeat(size)}});
    let path = format!("/v1/tenants/acme/secrets/{name}");
    let created = service.api("PUT", &path, service.acme.token(), &[], Some(body)).await;
    assert_eq!(created.status, 201, "{created:?}");
    service
}

#[tokio::test(flavor = "multi_thread")]
async fn unread_responses_have_bounded_memory() {
    let service = with_a_secret("large", LARGE).await;
    let before = resident(&service);
    let grown = most_while_unread(&service).await.saturating_sub(before);
    assert!(grown < MORE, "{grown} kB more");
}

#[tokio::test(flavor = "multi_thread")]
async fn small_unread_response_is_released() {
    let service = with_a_secret("small", SMALL).await;
    let mut client = Client::connect(&service, "/v1/tenants/acme/secrets/small", 1024).await;
    let response = client.send().await.expect("a response");
    assert_eq!(response.status(), 200);
    sleep(TIMEOUT + Duration::from_secs(2)).await;
    let body = timeout(Duration::from_secs(20), response.into_body().collect()).await;
    assert!(body.expect("it ends").is_err(), "it came whole");
    let again = client.send().await.expect("the connection still serves").into_body().collect();
    assert!(again.await.expect("a body").to_bytes().len() > SMALL);
}

#[tokio::test(flavor = "multi_thread")]
async fn static_documents_share_memory() {
    let service = Direct::start().await;
    let before = resident(&service);
    let mut kept = Vec::new();
    for path in ["/openapi.json", "/docs", "/docs/style.css", "/"].repeat(15) {
        let responses = Client::connect(&service, path, 0).await.send_all().await;
        assert!(
            responses.iter().flatten().filter(|response| response.status() == 200).count()
                == REQUESTS
        );
        kept.push(responses);
    }
    let grown = resident(&service).saturating_sub(before);
    assert!(grown < MORE / 2, "{grown} kB more");
}

#[tokio::test(flavor = "multi_thread")]
async fn large_http2_response_is_complete() {
    let service = with_a_secret("large", LARGE).await;
    let path = "/v1/tenants/acme/secrets/large?field=A";
    let mut client = Client::connect(&service, path, 64 * 1024).await;
    let response = client.send().await.expect("a response");
    assert_eq!(response.headers()["content-length"], LARGE.to_string());
    let mut body = response.into_body();
    let mut read = 0;
    while let Some(frame) = timeout(Duration::from_secs(5), body.frame()).await.expect("in time") {
        let data = frame.expect("a frame").into_data().expect("data");
        assert!(data.iter().all(|&byte| byte == b'x'));
        read += data.len();
    }
    assert_eq!(read, LARGE);
}

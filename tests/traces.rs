//! Traces: their destination, and the data that they contain and omit.

use std::{convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, Collected, Full};
use hyper::{Request, Response, body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use tokio::{net::TcpListener, sync::Mutex};

use crate::{
    expect::{granted, refused},
    support::direct::Direct,
};

/// A trace collector that accepts everything.
struct Collector {
    address: String,
    received: Arc<Mutex<Vec<(String, Bytes)>>>,
}

impl Collector {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("its address").to_string();
        let received = Arc::new(Mutex::new(Vec::new()));
        let all = Arc::clone(&received);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let all = Arc::clone(&all);
                let take_in = service_fn(move |request: Request<Incoming>| {
                    let all = Arc::clone(&all);
                    async move {
                        let path = request.uri().path().to_owned();
                        let body = request.into_body().collect().await.map(Collected::to_bytes);
                        all.lock().await.push((path, body.unwrap_or_default()));
                        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
                    }
                });
                let connection = auto::Builder::new(TokioExecutor::new());
                let io = TokioIo::new(stream);
                tokio::spawn(async move { connection.serve_connection(io, take_in).await.is_ok() });
            }
        });
        Self { address, received }
    }
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

#[tokio::test(flavor = "multi_thread")]
async fn trace_continues_without_token() {
    let collector = Collector::start().await;
    let endpoint = format!("http://{}", collector.address);
    let service = Direct::start_with(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint)]).await;
    let token = service.acme.token();
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let parent = format!("00-{trace}-b7ad6b7169203331-01");
    let headers = [("x-vault-token", token), ("traceparent", parent.as_str())];
    granted(&service.validator.validate("", &headers).await);
    refused(&service.validator.validate("tenant=globex", &headers).await, "tenant_mismatch");
    let ended = service.validator.process().stop_gracefully(Duration::from_secs(10)).await;
    assert!(ended.success(), "{ended}: {}", service.validator.log());

    let received = collector.received.lock().await;
    assert!(!received.is_empty(), "nothing was sent: {}", service.validator.log());
    assert!(received.iter().all(|(path, _)| path == "/v1/traces"));
    let all: Vec<u8> = received.iter().flat_map(|(_, body)| body.to_vec()).collect();
    let trace: Vec<u8> = (0..trace.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&trace[at..at + 2], 16).expect("hexadecimal"))
        .collect();
    assert!(contains(&all, &trace), "not under the proxy's trace");
    for word in ["validate", "vault", "lookup", "tenant_mismatch", "vault-auth-validator"] {
        assert!(contains(&all, word.as_bytes()), "no {word}");
    }
    assert!(!contains(&all, token.as_bytes()), "a token was sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_collector_delays_nothing() {
    let service =
        Direct::start_with(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")]).await;
    granted(&service.ask(service.acme.token()).await);
    let ended = service.validator.process().stop_gracefully(Duration::from_secs(10)).await;
    assert!(ended.success(), "{ended}: {}", service.validator.log());
}

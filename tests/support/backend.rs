//! The application behind Caddy: returns the request that it received.

use std::{
    convert::Infallible,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

/// Answers each request with 200 and `{method, uri, headers: [[name, value], ...], body, trailers}`.
pub struct Backend {
    address: String,
    hits: Arc<AtomicUsize>,
    last: Arc<Mutex<String>>,
    server: JoinHandle<()>,
}

impl Backend {
    /// Starts it on a free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("its address").to_string();
        let hits = Arc::new(AtomicUsize::new(0));
        let last = Arc::default();
        let server = tokio::spawn(serve(listener, Arc::clone(&hits), Arc::clone(&last)));
        Self { address, hits, last, server }
    }

    /// `host:port`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Returns the number of requests that have reached it.
    pub fn hits(&self) -> usize {
        self.hits.load(Ordering::SeqCst)
    }

    /// Returns the body of its last response.
    pub fn last_answer(&self) -> String {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Returns the values of one header in the response of a [`Backend`].
pub fn received(answer: &Value, name: &str) -> Vec<String> {
    let headers = answer["headers"].as_array().expect("the backend's answer");
    headers
        .iter()
        .filter(|pair| pair[0].as_str().is_some_and(|n| n.eq_ignore_ascii_case(name)))
        .map(|pair| pair[1].as_str().unwrap_or_default().to_owned())
        .collect()
}

async fn serve(listener: TcpListener, hits: Arc<AtomicUsize>, last: Arc<Mutex<String>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (hits, last) = (Arc::clone(&hits), Arc::clone(&last));
        let service = service_fn(move |request| {
            hits.fetch_add(1, Ordering::SeqCst);
            echo(request, Arc::clone(&last))
        });
        tokio::spawn(async move {
            let io = TokioIo::new(stream);
            let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(io, service).await;
        });
    }
}

async fn echo(
    request: Request<Incoming>,
    last: Arc<Mutex<String>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap_or_default();
    let trailers = body.trailers().map(pairs).unwrap_or_default();
    let body = body.to_bytes();
    let answer = json!({
        "method": head.method.as_str(),
        "uri": head.uri.to_string(),
        "headers": pairs(&head.headers),
        "trailers": trailers,
        "body": String::from_utf8_lossy(&body),
    })
    .to_string();
    last.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&answer);
    let response = Response::builder()
        .header("content-type", "application/json")
        .body(Full::from(answer))
        .expect("a response");
    Ok(response)
}

fn pairs(headers: &HeaderMap) -> Vec<[String; 2]> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| [name.to_string(), text(value)]).collect()
}

//! The application behind Caddy: returns the request that it received.

use std::{
    collections::HashMap,
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

/// Answers each request with 200 and `{method, uri, headers: [[name, value], ...], body, trailers}`,
/// except those for its pages.
pub struct Backend {
    address: String,
    state: Arc<State>,
    server: JoinHandle<()>,
}

#[derive(Default)]
struct State {
    hits: AtomicUsize,
    last: Mutex<String>,
    pages: Mutex<HashMap<String, String>>,
}

impl Backend {
    /// Starts it on a free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("its address").to_string();
        let state = Arc::default();
        let server = tokio::spawn(serve(listener, Arc::clone(&state)));
        Self { address, state, server }
    }

    /// `host:port`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Returns the number of requests that have reached it.
    pub fn hits(&self) -> usize {
        self.state.hits.load(Ordering::SeqCst)
    }

    /// Returns the body of its last response.
    pub fn last_answer(&self) -> String {
        self.state.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Answers requests for this path, with any query, with an HTML document from now on.
    pub fn set_page(&self, path: &str, html: &str) {
        let mut pages = self.state.pages.lock().unwrap_or_else(PoisonError::into_inner);
        pages.insert(path.to_owned(), html.to_owned());
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

async fn serve(listener: TcpListener, state: Arc<State>) {
    while let Ok((stream, _)) = listener.accept().await {
        let state = Arc::clone(&state);
        let service = service_fn(move |request| {
            state.hits.fetch_add(1, Ordering::SeqCst);
            answer(request, Arc::clone(&state))
        });
        tokio::spawn(async move {
            let io = TokioIo::new(stream);
            let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(io, service).await;
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    state: Arc<State>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let pages = || state.pages.lock().unwrap_or_else(PoisonError::into_inner);
    let page = pages().get(request.uri().path()).cloned();
    let (media_type, body) = match page {
        Some(page) => ("text/html; charset=utf-8", page),
        None => ("application/json", echo(request).await),
    };
    state.last.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&body);
    let response = Response::builder().header("content-type", media_type).body(Full::from(body));
    Ok(response.expect("a response"))
}

async fn echo(request: Request<Incoming>) -> String {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap_or_default();
    let trailers = body.trailers().map(pairs).unwrap_or_default();
    let body = body.to_bytes();
    json!({
        "method": head.method.as_str(),
        "uri": head.uri.to_string(),
        "headers": pairs(&head.headers),
        "trailers": trailers,
        "body": String::from_utf8_lossy(&body),
    })
    .to_string()
}

fn pairs(headers: &HeaderMap) -> Vec<[String; 2]> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| [name.to_string(), text(value)]).collect()
}

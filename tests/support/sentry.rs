//! A receiver of reports to Sentry, as its ingestion endpoint.

use std::{convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, Collected, Full};
use hyper::{Request, Response, body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use serde_json::Value;
use tokio::{net::TcpListener, sync::Mutex, task::JoinHandle};

use super::wait::eventually;

/// The key in the receiver's DSN.
pub const KEY: &str = "a1b2c3d4e5f60718293a4b5c6d7e8f90";

/// The treatment of reports.
#[derive(Debug, Clone, Copy)]
pub enum Reception {
    /// Accepts them.
    Accept,
    /// Reads them and never responds.
    Hang,
    /// Responds with this status.
    Status(u16),
}

/// A report as received.
#[derive(Debug, Clone)]
pub struct Received {
    /// The path, the headers and the body, as text.
    pub text: String,
    /// The events in the envelope.
    pub events: Vec<Value>,
}

/// The receiver. Dropping it ends it.
pub struct SentryReceiver {
    address: String,
    received: Arc<Mutex<Vec<Received>>>,
    server: JoinHandle<()>,
}

impl SentryReceiver {
    /// Starts it on a free port.
    ///
    /// # Panics
    /// If it cannot.
    pub async fn start(reception: Reception) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("its address").to_string();
        let received = Arc::default();
        let server = tokio::spawn(serve(listener, reception, Arc::clone(&received)));
        Self { address, received, server }
    }

    /// Returns the DSN of a project.
    pub fn dsn(&self) -> String {
        format!("http://{KEY}@{}/42", self.address)
    }

    /// Returns the reports until now.
    pub async fn received(&self) -> Vec<Received> {
        self.received.lock().await.clone()
    }

    /// Returns the events until now.
    pub async fn events(&self) -> Vec<Value> {
        self.received().await.into_iter().flat_map(|report| report.events).collect()
    }

    /// Waits until there are this many events, and returns them.
    ///
    /// # Panics
    /// If there are fewer in time.
    pub async fn events_of(&self, number: usize) -> Vec<Value> {
        eventually(Duration::from_secs(10), "the reports", async || {
            let events = self.events().await;
            (events.len() >= number).then_some(events)
        })
        .await
    }
}

impl Drop for SentryReceiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(listener: TcpListener, reception: Reception, received: Arc<Mutex<Vec<Received>>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let received = Arc::clone(&received);
        let service = service_fn(move |request: Request<Incoming>| {
            let received = Arc::clone(&received);
            async move {
                let head = format!("{} {:?}", request.uri(), request.headers());
                let body = request.into_body().collect().await.map(Collected::to_bytes);
                let body = String::from_utf8_lossy(&body.unwrap_or_default()).into_owned();
                let events = events(&body);
                received.lock().await.push(Received { text: format!("{head}\n{body}"), events });
                let status = match reception {
                    Reception::Accept => 200,
                    Reception::Hang => std::future::pending().await,
                    Reception::Status(status) => status,
                };
                let response = Response::builder().status(status).body(Full::<Bytes>::default());
                Ok::<_, Infallible>(response.expect("a response"))
            }
        });
        let io = TokioIo::new(stream);
        tokio::spawn(async move {
            let connection = auto::Builder::new(TokioExecutor::new());
            connection.serve_connection(io, service).await.is_ok()
        });
    }
}

/// Returns the events of an envelope, whose lines after the first are a header and a payload per item
/// (<https://develop.sentry.dev/sdk/foundations/transport/envelopes/>).
fn events(envelope: &str) -> Vec<Value> {
    let lines: Vec<Value> = envelope
        .lines()
        .skip(1)
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
        .collect();
    let items = lines.chunks(2).filter(|item| item[0]["type"] == "event");
    items.map(|item| item[1].clone()).collect()
}

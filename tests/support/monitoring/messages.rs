//! The receiver of Alertmanager's messages: a webhook in Slack's format.

use std::{
    collections::BTreeSet,
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle};

/// The messages that have arrived. Dropping it ends the receiver.
pub struct Messages {
    url: String,
    received: Received,
    server: JoinHandle<()>,
}

type Received = Arc<Mutex<Vec<Value>>>;

impl Messages {
    /// Starts the receiver on a free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
        let received = Received::default();
        let server = tokio::spawn(serve(listener, Arc::clone(&received)));
        Self { url, received, server }
    }

    /// Returns the URL of the webhook.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the text of the first message about this alert.
    pub fn about(&self, alert: &str) -> Option<String> {
        self.find(|title| !title.starts_with("RESOLVED") && names(title) == alert)
    }

    /// Returns the text of the first message about the end of this alert.
    pub fn about_end(&self, alert: &str) -> Option<String> {
        self.find(|title| title.starts_with("RESOLVED") && names(title) == alert)
    }

    /// Returns the names of the alerts that there are messages about.
    pub fn alerts(&self) -> BTreeSet<String> {
        let received = self.received.lock().unwrap_or_else(PoisonError::into_inner);
        received.iter().map(|message| names(text(message, "title")).to_owned()).collect()
    }

    fn find(&self, matches: impl Fn(&str) -> bool) -> Option<String> {
        let received = self.received.lock().unwrap_or_else(PoisonError::into_inner);
        let message = received.iter().find(|message| matches(text(message, "title")))?;
        Some(text(message, "text").to_owned())
    }
}

impl Drop for Messages {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Returns the name of the alert in the title `CRITICAL: NAME (2)`.
fn names(title: &str) -> &str {
    title.split(' ').nth(1).unwrap_or_default()
}

/// Returns a text of a message.
fn text<'m>(message: &'m Value, field: &str) -> &'m str {
    message["attachments"][0][field].as_str().expect("a text")
}

async fn serve(listener: TcpListener, received: Received) {
    while let Ok((stream, _)) = listener.accept().await {
        let received = Arc::clone(&received);
        let service = service_fn(move |request| receive(request, Arc::clone(&received)));
        tokio::spawn(async move {
            let server = auto::Builder::new(TokioExecutor::new());
            let _ = server.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn receive(
    request: Request<Incoming>,
    received: Received,
) -> Result<Response<Full<Bytes>>, Infallible> {
    if let Ok(body) = request.into_body().collect().await {
        let message = serde_json::from_slice(&body.to_bytes()).expect("a message in JSON");
        received.lock().unwrap_or_else(PoisonError::into_inner).push(message);
    }
    Ok(Response::new(Full::from("ok")))
}

//! Every HTTP response that a browser received, from its performance log.

use std::{sync::PoisonError, time::Duration};

use serde_json::json;

use super::{super::wait::eventually, Browser, command::DriverCommand};

/// An HTTP response; a redirect is one of its own.
#[derive(Clone, Debug)]
pub struct Response {
    /// The URL of the request.
    pub url: String,
    /// The method of the request.
    pub method: String,
    /// The purpose of the request: `Document` for pages and frames, `Fetch`, `Image` and others.
    /// <https://chromedevtools.github.io/devtools-protocol/tot/Network/#type-ResourceType>
    pub kind: String,
    /// The status code.
    pub status: u16,
    /// The headers, their names in lower case, with one entry for each `Set-Cookie`.
    pub headers: Vec<(String, String)>,
    /// The headers of the request as they were sent, their names in lower case. Empty if the
    /// response is not from the network.
    pub request_headers: Vec<(String, String)>,
    /// The `Set-Cookie` values that the browser did not store, each after its reasons.
    pub refused_cookies: Vec<String>,
}

impl Response {
    /// Returns the first value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        first(&self.headers, name)
    }

    /// Returns the first value of a header of the request.
    pub fn request_header(&self, name: &str) -> Option<&str> {
        first(&self.request_headers, name)
    }

    /// Returns the values of `Set-Cookie`.
    pub fn set_cookies(&self) -> Vec<&str> {
        let is_cookie = |(name, _): &&(String, String)| name == "set-cookie";
        self.headers.iter().filter(is_cookie).map(|(_, value)| value.as_str()).collect()
    }
}

impl Browser {
    /// Returns every response since the start, or since [`Browser::forget_responses`], in the order
    /// of the requests. Those to which no headers have arrived yet are missing.
    ///
    /// # Panics
    /// If the log stays incomplete.
    pub async fn responses(&self) -> Vec<Response> {
        eventually(Duration::from_secs(10), "a complete log", async || {
            let entries =
                self.command(DriverCommand::post("se/log", json!({"type": "performance"})));
            let entries = entries.await;
            let mut network = self.network.lock().unwrap_or_else(PoisonError::into_inner);
            for entry in entries.as_array().into_iter().flatten() {
                network.add(entry);
            }
            network.responses()
        })
        .await
    }

    /// Waits for a response to a request for this URL, and returns the last one.
    ///
    /// # Panics
    /// If none comes.
    pub async fn response_to(&self, url: &str) -> Response {
        let what = format!("a response to {url}");
        self.wait(&what, async || {
            self.responses().await.into_iter().rfind(|response| response.url == url)
        })
        .await
    }

    /// Forgets all requests until now, also those without a response.
    pub async fn forget_responses(&self) {
        self.responses().await;
        self.network.lock().unwrap_or_else(PoisonError::into_inner).forget();
    }
}

fn first<'h>(headers: &'h [(String, String)], name: &str) -> Option<&'h str> {
    headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
}

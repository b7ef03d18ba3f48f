//! The responses that the events of Chromium's performance log describe.
//!
//! <https://chromedevtools.github.io/devtools-protocol/tot/Network/>

use std::collections::HashMap;

use serde_json::{Value, json};

use super::responses::Response;

/// The network events of the log.
#[derive(Default)]
pub(super) struct NetworkLog {
    exchanges: HashMap<String, Exchange>,
    /// The ids of the exchanges in the order of their requests: one for each hop.
    order: Vec<String>,
    /// The number of hops that are left out.
    forgotten: usize,
}

/// The events of a request and of those that it is redirected to, each list in the order of the hops.
/// The `extra` events are those of the network. They come before or after the others, and only for
/// the hops that used the network.
#[derive(Default)]
struct Exchange {
    sent: Vec<Value>,
    received: Vec<Value>,
    sent_extra: Vec<Value>,
    received_extra: Vec<Value>,
}

impl NetworkLog {
    /// Adds an entry of the performance log.
    pub(super) fn add(&mut self, entry: &Value) {
        let text = entry["message"].as_str().unwrap_or_default();
        let mut message: Value = serde_json::from_str(text).expect("an entry of the log");
        let mut event = message["message"]["params"].take();
        let Some(id) = event["requestId"].as_str().map(str::to_owned) else { return };
        let exchange = self.exchanges.entry(id.clone()).or_default();
        match message["message"]["method"].as_str().unwrap_or_default() {
            "Network.requestWillBeSent" => {
                if event["redirectResponse"].is_object() {
                    let response = event["redirectResponse"].take();
                    let has_extra = event["redirectHasExtraInfo"].take();
                    let redirect = json!({"response": response, "hasExtraInfo": has_extra});
                    exchange.received.push(redirect);
                }
                exchange.sent.push(event);
                self.order.push(id);
            }
            "Network.responseReceived" => exchange.received.push(event),
            "Network.requestWillBeSentExtraInfo" => exchange.sent_extra.push(event),
            "Network.responseReceivedExtraInfo" => exchange.received_extra.push(event),
            _ => {}
        }
    }

    /// Leaves all hops until now out of the responses.
    pub(super) fn forget(&mut self) {
        self.forgotten = self.order.len();
    }

    /// Returns `None` if an event is still to come for a response that has arrived.
    pub(super) fn responses(&self) -> Option<Vec<Response>> {
        let mut hops: HashMap<&str, usize> = HashMap::new();
        let mut responses = Vec::new();
        for (index, id) in self.order.iter().enumerate() {
            let hop = hops.entry(id).or_default();
            let exchange = &self.exchanges[id];
            if index >= self.forgotten && exchange.is_answered(*hop) {
                responses.push(exchange.response(*hop)?);
            }
            *hop += 1;
        }
        Some(responses)
    }
}

impl Exchange {
    /// Returns false if there is no response yet, or if the browser failed before one.
    fn is_answered(&self, hop: usize) -> bool {
        // The page is not shown the response if CORS forbids it.
        hop < self.received.len() || self.extra_index(hop) < self.received_extra.len()
    }

    fn response(&self, hop: usize) -> Option<Response> {
        let (sent, received) = (&self.sent[hop], self.received.get(hop));
        let mut response = Response {
            url: text(&sent["request"]["url"]),
            method: text(&sent["request"]["method"]),
            kind: text(&sent["type"]),
            status: 0,
            headers: Vec::new(),
            request_headers: Vec::new(),
            refused_cookies: Vec::new(),
        };
        if self.used_network(hop) {
            let index = self.extra_index(hop);
            let extra = self.received_extra.get(index)?;
            response.status = status(&extra["statusCode"]);
            response.headers = pairs(&extra["headers"]);
            response.request_headers = pairs(&self.sent_extra.get(index)?["headers"]);
            let refused = extra["blockedCookies"].as_array().into_iter().flatten();
            response.refused_cookies = refused.map(refusal).collect();
        } else if let Some(received) = received {
            response.status = status(&received["response"]["status"]);
            response.headers = pairs(&received["response"]["headers"]);
        }
        Some(response)
    }

    /// The index of the extra events of a hop that used the network.
    fn extra_index(&self, hop: usize) -> usize {
        (0..hop).filter(|hop| self.used_network(*hop)).count()
    }

    /// Returns false for a response of the cache or of a service worker, and for a redirect by the
    /// browser itself.
    fn used_network(&self, hop: usize) -> bool {
        let Some(received) = self.received.get(hop) else { return true };
        let response = &received["response"];
        let is_local = ["fromDiskCache", "fromPrefetchCache", "fromServiceWorker"]
            .into_iter()
            .any(|source| response[source] == true)
            || response["headers"]["Non-Authoritative-Reason"].is_string();
        // A response that the page cannot read is said to have none even if it has.
        received["hasExtraInfo"] == true
            || !is_local && self.extra_index(hop) < self.sent_extra.len()
    }
}

fn status(value: &Value) -> u16 {
    value.as_u64().and_then(|status| status.try_into().ok()).expect("a status")
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn refusal(blocked: &Value) -> String {
    format!("{}: {}", blocked["blockedReasons"], text(&blocked["cookieLine"]))
}

/// Chromium joins the values of a repeated header by line feeds.
fn pairs(headers: &Value) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    for (name, value) in headers.as_object().into_iter().flatten() {
        let values = value.as_str().unwrap_or_default().split('\n');
        pairs.extend(values.map(|value| (name.to_lowercase(), value.to_owned())));
    }
    pairs
}

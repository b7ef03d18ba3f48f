//! Requests to OpenBao, and its audit log of all requests.

use std::fs;

use serde_json::Value;

use super::{super::http, Bao};

impl Bao {
    /// Sends a request as root. The path has no `/v1/`; a response without a body is null.
    ///
    /// # Panics
    /// If there is no answer.
    pub async fn request(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        self.request_as(&self.root_token, method, path, body).await
    }

    /// Sends a request with this token.
    ///
    /// # Panics
    /// If there is no answer.
    pub async fn request_as(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> (u16, Value) {
        self.try_request(token, method, path, body)
            .await
            .unwrap_or_else(|| panic!("no answer to {method} {path}"))
    }

    /// Sends a request as root that has to succeed.
    ///
    /// # Panics
    /// On any status but 2xx.
    pub async fn must(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let (status, answer) = self.request(method, path, body).await;
        assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
        answer
    }

    /// Sends a request as root for a wrapped response; returns the wrapping token.
    ///
    /// # Panics
    /// If there is no such answer.
    pub async fn wrapped(&self, method: &str, path: &str, body: Option<Value>) -> String {
        let url = format!("http://{}/v1/{path}", self.launch.authority());
        let headers = [("x-vault-token", self.root_token.as_str()), ("x-vault-wrap-ttl", "5m")];
        let body = body.map(|body| body.to_string());
        let answer = http::send(&self.http, method, &url, &headers, body).await.expect("an answer");
        let token = answer.json()["wrap_info"]["token"].as_str().map(str::to_owned);
        token.unwrap_or_else(|| panic!("{method} {path}: {answer:?}"))
    }

    /// Returns the number of requests for exactly this path in the audit log, for example
    /// `auth/token/lookup`. The path has no `/v1/`.
    pub fn audited(&self, path: &str) -> usize {
        self.audit_log()
            .iter()
            .filter(|entry| entry["type"] == "request" && entry["request"]["path"] == path)
            .count()
    }

    /// Returns all entries of the audit log, with accessors readable.
    pub fn audit_log(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.launch.audit_log()).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Returns `None` if there is no response; an empty token is not sent.
    pub(super) async fn try_request(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> Option<(u16, Value)> {
        let url = format!("http://{}/v1/{path}", self.launch.authority());
        let mut headers = vec![("x-vault-request", "true")];
        if !token.is_empty() {
            headers.push(("x-vault-token", token));
        }
        if !self.namespace.is_empty() {
            headers.push(("x-vault-namespace", &self.namespace));
        }
        if method == "PATCH" {
            headers.push(("content-type", "application/merge-patch+json"));
        }
        let body = body.map(|body| body.to_string());
        let answer = http::send(&self.http, method, &url, &headers, body).await.ok()?;
        let body = serde_json::from_str(&answer.body).unwrap_or(Value::Null);
        Some((answer.status, body))
    }
}

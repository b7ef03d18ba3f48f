//! OpenBao's verdict on a policy.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;

use crate::support::{
    bao::Bao,
    http::{self, Answer},
};

/// An OpenBao server.
pub(super) struct Oracle {
    bao: Bao,
    http: reqwest::Client,
}

impl Oracle {
    pub(super) async fn start() -> Self {
        Self { bao: Bao::dev().await, http: http::client() }
    }

    /// Returns the reason why OpenBao refuses this text; `None` if it accepts it.
    pub(super) async fn refusal(&self, text: &str) -> Option<String> {
        let url = format!("{}/v1/sys/policies/acl/oracle", self.bao.addr());
        let headers = [("x-vault-token", self.bao.root_token())];
        // OpenBao decodes plain text that happens to be valid base64.
        let body = json!({ "policy": STANDARD.encode(text) }).to_string();
        match http::send(&self.http, "PUT", &url, &headers, Some(body)).await {
            Ok(Answer { status: 204, .. }) => None,
            Ok(Answer { status: 400, body, .. }) => Some(body),
            Ok(answer) => panic!("{answer:?} to {text:?}"),
            // OpenBao panics on some strings and closes the connection.
            Err(error) if !error.is_connect() && !error.is_timeout() => Some(error.to_string()),
            Err(error) => panic!("{error} to {text:?}"),
        }
    }
}

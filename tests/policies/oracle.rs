//! What OpenBao thinks of a policy.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;

use crate::support::{
    bao::Bao,
    http::{self, Answer},
};

/// A server to ask.
pub(super) struct Oracle {
    bao: Bao,
    http: reqwest::Client,
}

impl Oracle {
    pub(super) async fn start() -> Self {
        Self { bao: Bao::dev().await, http: http::client() }
    }

    /// Why it refuses this text; `None` when it accepts it.
    pub(super) async fn refusal(&self, text: &str) -> Option<String> {
        let url = format!("{}/v1/sys/policies/acl/oracle", self.bao.addr());
        let headers = [("x-vault-token", self.bao.root_token())];
        // In plain text it would be taken for base64 if it happened to be valid as that.
        let body = json!({ "policy": STANDARD.encode(text) }).to_string();
        match http::send(&self.http, "PUT", &url, &headers, Some(body)).await {
            Ok(Answer { status: 204, .. }) => None,
            Ok(Answer { status: 400, body, .. }) => Some(body),
            Ok(answer) => panic!("{answer:?} to {text:?}"),
            // It panics on some strings, and hangs up.
            Err(error) if !error.is_connect() && !error.is_timeout() => Some(error.to_string()),
            Err(error) => panic!("{error} to {text:?}"),
        }
    }
}

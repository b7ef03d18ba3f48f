//! The check that clients reach the token endpoint.

use bytes::Bytes;
use http::{Request, header::CONTENT_TYPE};
use serde_json::Value;

use super::{metadata::SERVER_ROUTE, other_scheme};
use crate::{
    diagnostics::{finding::Finding, host_probe::HostProbe, problem::describe, proxy::Site},
    login::LoginOrigin,
    oauth::TOKEN_PATH,
};

pub(super) const TOKENS: &str = "token endpoint";

/// Checks that a request without parameters is rejected as such. It is not counted against this
/// machine's address.
pub(super) async fn check(server: &LoginOrigin, proxy: &Site) -> Finding {
    let url = format!("{server}{TOKEN_PATH}");
    if let Some(finding) = other_scheme(TOKENS, &server.to_string(), proxy) {
        return finding;
    }
    let request =
        Request::post(TOKEN_PATH).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    let response = match HostProbe::new(proxy, server.authority()).send(request, Bytes::new()).await
    {
        Ok(response) => response,
        Err(error) => {
            return Finding::failed(TOKENS, format!("{url}: {error}"), super::NO_SITE);
        }
    };
    let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    if response.status == 400 && body["error"] == "invalid_request" {
        return Finding::ok(TOKENS, format!("{url} receives the requests of clients"));
    }
    let remedy = match response.status {
        502..=504 => "the proxy cannot reach the api listener: check LOGIN_UPSTREAM",
        _ => SERVER_ROUTE,
    };
    let message =
        format!("{url} is {}, not the 400 of a request without parameters", describe(&response));
    Finding::failed(TOKENS, message, remedy)
}

//! Attacks that forge another caller's identity towards the application.

use serde_json::Value;

use super::{Fronts, RESPONSE_TIMEOUT, send};
use crate::{
    expect::IDENTITY,
    support::{http::Answer, raw},
};

/// Returns a header's name as a gateway reads it: any character but letters and digits as `-`.
fn folded(name: &str) -> String {
    let fold = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    name.chars().map(fold).collect()
}

/// Returns the values that the application received under any name that it might read as this
/// header.
fn received_as(answer: &Answer, name: &str) -> Vec<String> {
    let seen = answer.json();
    let headers = seen["headers"].as_array().expect("headers").iter();
    let value = |pair: &Value| {
        let alias = folded(pair[0].as_str().expect("a name")) == name;
        alias.then(|| pair[1].as_str().expect("a value").to_owned())
    };
    headers.filter_map(value).collect()
}

/// Returns the tenants that the application received.
fn received_tenants(answer: &Answer) -> Vec<String> {
    received_as(answer, "x-auth-tenant")
}

/// Asserts that the request was rejected, or that the application received acme alone.
fn assert_not_forged(front: &str, lines: &str, answer: &Answer) {
    match answer.status {
        200 => assert_eq!(received_tenants(answer), ["acme"], "{front}: {lines}"),
        status => assert!(matches!(status, 400 | 401), "{front}: {lines}: {answer:?}"),
    }
}

/// Characters that a header's name may hold besides letters and digits (RFC 9110, 5.6.2).
const SEPARATORS: &str = "!#$%&'*+-.^_`|~";

/// Returns lines with this identity header under names that a gateway reads as it, each twice.
fn aliases(name: &str, separator: char) -> String {
    let (head, last) = name.rsplit_once('-').expect("a dash");
    let all = name.replace('-', &separator.to_string());
    [format!("{head}{separator}{last}"), all.to_uppercase(), all]
        .map(|alias| format!("{alias}: forged\r\n").repeat(2))
        .concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn a03_identity_header_aliases_are_dropped() {
    let fronts = Fronts::start().await;
    let token = fronts.service.acme.token();
    let honest = fronts.each("").await;
    for separator in SEPARATORS.chars() {
        let lines: String = IDENTITY.iter().map(|name| aliases(name, separator)).collect();
        // A proxy may choose the site, and with it what is dropped, only when it has read the host.
        let request = format!(
            "GET / HTTP/1.1\r\n{lines}Host: acme.crm.localhost\r\nX-Vault-Token: {token}\r\n{lines}\r\n"
        );
        for ((front, address), (_, honest)) in fronts.addresses().iter().zip(&honest) {
            let answer = send(address, &request).await;
            if answer.status == 400 {
                continue;
            }
            assert_not_forged(front, &lines, &answer);
            for name in IDENTITY {
                let (forged, honest) = (received_as(&answer, name), received_as(honest, name));
                assert_eq!(forged, honest, "{front}: {name} with {separator}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a04_connection_header_keeps_identity() {
    let fronts = Fronts::start().await;
    for lines in [
        "Connection: close, X-Auth-Tenant\r\n",
        "Connection: X-Auth-Tenant\r\nConnection: close\r\n",
        "Connection: upgrade, x-auth-tenant\r\nUpgrade: websocket\r\n",
        "Connection: close, X-Auth-Tenant\r\nX-Auth-Tenant: globex\r\n",
    ] {
        for (front, answer) in fronts.each(lines).await {
            assert_not_forged(front, lines, &answer);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a05_connection_header_adds_no_rights() {
    let fronts = Fronts::start().await;
    for name in ["X-Vault-Token", "Authorization", "Cookie", "X-Forwarded-Uri"] {
        let lines = format!("Connection: close, {name}\r\n");
        for (front, answer) in fronts.each(&lines).await {
            let refused = matches!(answer.status, 400 | 401);
            let served = answer.status == 200 && received_tenants(&answer) == ["acme"];
            assert!(refused || served, "{front}: {name}: {answer:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a06_identity_trailers_are_dropped() {
    let fronts = Fronts::start().await;
    let token = fronts.service.acme.token();
    let request = format!(
        "POST / HTTP/1.1\r\nHost: acme.crm.localhost\r\nX-Vault-Token: {token}\r\n\
         Transfer-Encoding: chunked\r\nTrailer: X-Auth-Tenant\r\n\r\n\
         4\r\nbody\r\n0\r\nX-Auth-Tenant: globex\r\nX-Auth-Role: admin\r\n\r\n"
    );
    for (front, address) in fronts.addresses() {
        let answer = send(&address, &request).await;
        assert_not_forged(front, "a trailer", &answer);
        let seen = answer.json();
        assert_eq!(seen["body"], "body", "{front}");
        assert_eq!(seen["trailers"], Value::Array(vec![]), "{front}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a07_malformed_lines_hide_no_identity() {
    let fronts = Fronts::start().await;
    let token = fronts.service.acme.token();
    for lines in [
        "X-Filler: a\r\n X-Auth-Tenant: globex\r\n",
        "X-Auth-Tenant: a\r\n globex\r\n",
        "X-Filler: a\nX-Auth-Tenant: globex\r\n",
        "X-Filler: a\rX-Auth-Tenant: globex\r\n",
        "X-Auth-Tenant : globex\r\n",
        "X-Auth-Tenant\t: globex\r\n",
        " X-Auth-Tenant: globex\r\n",
        "X-Auth-Tenant: globex\r\nX-Auth-Tenant: globex\r\n",
        "X-Filler: a\0\r\nX-Auth-Tenant: globex\r\n",
    ] {
        let request = format!(
            "GET / HTTP/1.1\r\nHost: acme.crm.localhost\r\nX-Vault-Token: {token}\r\n{lines}\r\n"
        );
        for (front, address) in fronts.addresses() {
            // Some close the connection instead, which is an answer too.
            if let Some(answer) =
                raw::exchange(&address, request.as_bytes(), RESPONSE_TIMEOUT).await
            {
                assert_not_forged(front, lines, &answer.into());
            }
        }
    }
}

//! Headers of unusual size, and the cookie that carries a token.

use std::time::Duration;

use serde_json::json;

use super::{Proxies, acme, assert_identity};
use crate::support::{
    backend::{Backend, received},
    caddy,
    direct::Direct,
    edge::{Edge, Extra, Recipe},
    http::Answer,
    platform::create_caller,
    raw,
    stack::bearer,
    wait::eventually,
};

#[tokio::test(flavor = "multi_thread")]
async fn many_policies_fit_in_headers() {
    let proxies = Proxies::start().await;
    let mut policies: Vec<_> =
        (0..200).map(|number| format!("policy-with-a-rather-long-name-{number:04}")).collect();
    policies.push("crm-agent".to_owned());
    let policies: Vec<_> = policies.iter().map(String::as_str).collect();
    let metadata = json!({"tenant": "acme"});
    let caller = create_caller(&proxies.service.bao, "many", metadata, &policies).await;
    for (name, edge) in &proxies.edges {
        let answer = acme(edge, &bearer(&caller.token)).await;
        assert_eq!(answer.status, 200, "{name}: {answer:?}\n{}", edge.log());
        let forwarded = received(&answer.json(), "x-auth-policies");
        assert_eq!(forwarded.len(), 1, "{name}");
        assert_eq!(forwarded[0].split(',').count(), 202, "{name}: with `default`");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn large_headers_are_accepted() {
    let proxies = Proxies::start().await;
    let tenant = &proxies.service.acme;
    let cookie = format!("a={}", "x".repeat(24 * 1024));
    let headers = [("x-vault-token", tenant.token()), ("cookie", cookie.as_str())];
    for (name, edge) in &proxies.edges {
        let answer = edge.send("GET", "acme", "/", &headers, None).await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.body);
        assert_identity(&answer, tenant);
        assert_eq!(received(&answer.json(), "cookie"), [cookie.as_str()], "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn websocket_token_is_not_logged() {
    let service = Direct::start().await;
    let backend = Backend::start().await;
    let (validator, application) = (service.validator.auth_address(), backend.address());
    let edge = caddy::start(validator, application, Recipe::PLAIN).await;
    let token = service.acme.token();
    let headers = [("sec-websocket-protocol", token), ("x-vault-token", token)];
    edge.send("GET", "acme", "/logged", &headers, None).await;
    eventually(Duration::from_secs(10), "a line in the log", async || {
        edge.log().contains("/logged").then_some(())
    })
    .await;
    assert!(!edge.log().contains(token), "the token is in the log");
}

/// Cookies of a client, and those that reach the application. `T` is the token.
const COOKIES: [(&str, &str); 12] = [
    ("vault=T", ""),
    ("vault=T; a=1", "a=1"),
    ("a=1; vault=T", "a=1"),
    ("a=1; vault=T; b=2", "a=1; b=2"),
    ("a=1;vault=T;b=2", "a=1;b=2"),
    ("a=1;  vault=T;  b=2", "a=1;  b=2"),
    ("vault=T; vault=T", ""),
    ("vault=T;", ""),
    ("a=\"q\"; vault=T; b==", "a=\"q\"; b=="),
    ("xvault=1; vault=T; vaultx=2", "xvault=1; vaultx=2"),
    ("Vault=1; vault=T", "Vault=1"),
    ("vault.x=1; a=vault=2; vault=T", "vault.x=1; a=vault=2"),
];

/// Returns the cookies that the application received in a request with these lines.
async fn cookies(edge: &Edge, lines: &str) -> Vec<String> {
    let request = format!("GET / HTTP/1.1\r\nHost: acme.crm.localhost\r\n{lines}\r\n");
    let answer = raw::exchange(&edge.address(), request.as_bytes(), Duration::from_secs(5)).await;
    let answer = Answer::from(answer.expect("an answer"));
    assert_eq!(answer.status, 200, "{lines}: {answer:?}");
    let seen = received(&answer.json(), "cookie");
    seen.into_iter().filter(|line| !line.is_empty()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn token_cookie_is_removed_by_proxy() {
    let env = [("VALIDATOR_CREDENTIALS", "x-vault-token,cookie:vault")];
    let recipe = Recipe::with(Extra::Cookie);
    let proxies = Proxies::before(Direct::start_with(&env).await, recipe).await;
    let token = proxies.service.acme.token();
    for (name, edge) in &proxies.edges {
        for (sent, expected) in COOKIES {
            let line = format!("Cookie: {}\r\n", sent.replace('T', token));
            let expected: Vec<_> =
                Some(expected).filter(|text| !text.is_empty()).into_iter().collect();
            assert_eq!(cookies(edge, &line).await, expected, "{name}: {sent}");
        }
        let lines =
            format!("X-Vault-Token: {token}\r\nCookie: a=1\r\nCookie: vault={token}; b=2\r\n");
        assert_eq!(cookies(edge, &lines).await.join("; "), "a=1; b=2", "{name}: two lines");
    }
}

/// Odd ways to write a cookie with the token, `T`.
const ODD_COOKIES: [&str; 17] = [
    "vault =T",
    "vault= T",
    "vault=T ; a=1",
    "a=1 ; vault=T",
    "a=1;\tvault=T",
    ";vault=T",
    ";;vault=T",
    "; ;vault=T",
    "a=1,vault=T",
    "a=1, vault=T; b=2",
    "vault=T,b=2",
    "vault=\"T\"",
    "a=\"1; vault=T\"",
    "\"vault=T\"",
    "vault==T",
    "$Version=1; vault=T; $Path=/",
    "a; vault=T",
];

#[tokio::test(flavor = "multi_thread")]
async fn accepted_cookies_are_removed() {
    let env = [("VALIDATOR_CREDENTIALS", "cookie:vault")];
    let recipe = Recipe::with(Extra::Cookie);
    let proxies = Proxies::before(Direct::start_with(&env).await, recipe).await;
    let token = proxies.service.acme.token();
    let mut accepted = 0;
    for (name, edge) in &proxies.edges {
        for odd in ODD_COOKIES {
            let cookie = odd.replace('T', token);
            let answer = edge.send("GET", "acme", "/", &[("cookie", &cookie)], None).await;
            assert!(!answer.body.contains(token), "{name}: {odd}: {answer:?}");
            accepted += usize::from(answer.status == 200);
        }
    }
    assert!(accepted > 0, "no cookie was accepted");
}

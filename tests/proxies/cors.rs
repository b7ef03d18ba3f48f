//! Requests that pages of other origins make.

use super::Proxies;
use crate::support::{
    backend::received,
    edge::{Extra, ORIGIN, Recipe},
    http::Answer,
};

const ALLOW_ORIGIN: &str = "access-control-allow-origin";
const METHOD: (&str, &str) = ("access-control-request-method", "POST");
const HEADERS: (&str, &str) = ("access-control-request-headers", "authorization,content-type");

/// Returns all values of a list header, in lower case.
fn list(answer: &Answer, name: &str) -> Vec<String> {
    let lines = answer.headers.get_all(name).iter();
    let lines = lines.map(|line| line.to_str().expect("text").to_lowercase());
    lines
        .flat_map(|line| line.split(',').map(|one| one.trim().to_owned()).collect::<Vec<_>>())
        .collect()
}

/// Returns the values of `Access-Control-Allow-Origin`.
fn allowed(answer: &Answer) -> Vec<&str> {
    let lines = answer.headers.get_all(ALLOW_ORIGIN).iter();
    lines.map(|line| line.to_str().expect("text")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn proxy_answers_allowed_preflights() {
    let proxies = Proxies::with(Recipe::with(Extra::Cors)).await;
    for (name, edge) in &proxies.edges {
        let headers = [("origin", ORIGIN), METHOD, HEADERS];
        let answer = edge.send("OPTIONS", "acme", "/x?y", &headers, None).await;
        assert!(matches!(answer.status, 200 | 204), "{name}: {answer:?}");
        assert_eq!(allowed(&answer), [ORIGIN], "{name}");
        assert!(
            list(&answer, "access-control-allow-methods").contains(&"post".to_owned()),
            "{name}"
        );
        let headers = list(&answer, "access-control-allow-headers");
        for header in ["authorization", "content-type"] {
            assert!(headers.contains(&header.to_owned()), "{name}: {headers:?}");
        }
        assert_eq!(answer.header("access-control-allow-credentials"), None, "{name}");
        assert_eq!(answer.body, "", "{name}");
    }
    assert_eq!(proxies.backend.hits(), 0, "the application was asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn preflights_need_allowed_origin() {
    let proxies = Proxies::with(Recipe::with(Extra::Cors)).await;
    let from = |origin| ("origin", origin);
    for (name, edge) in &proxies.edges {
        for origin in [
            "https://evil.example",
            "null",
            "http://app.example.com",
            "https://app.example.com.evil.example",
            "https://app.example.com:444",
            "https://appXexample.com",
            "https://evil.example https://app.example.com",
        ] {
            let headers = [from(origin), METHOD, HEADERS];
            let answer = edge.send("OPTIONS", "acme", "/", &headers, None);
            let answer = proxies.assert_denied(name, answer, 401).await;
            assert!(allowed(&answer).is_empty(), "{name}: {origin}");
        }
        for headers in [&[][..], &[METHOD], &[from(ORIGIN)]] {
            proxies
                .assert_denied(name, edge.send("OPTIONS", "acme", "/", headers, None), 401)
                .await;
        }
        for method in ["GET", "HEAD", "POST", "DELETE"] {
            let headers = [from(ORIGIN), METHOD, HEADERS];
            proxies.assert_denied(name, edge.send(method, "acme", "/", &headers, None), 401).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn allowed_origins_get_cors_headers() {
    let proxies = Proxies::with(Recipe::with(Extra::Cors)).await;
    let token = ("x-vault-token", proxies.service.acme.token());
    let foreign = ("x-vault-token", proxies.service.globex.token());
    for (name, edge) in &proxies.edges {
        let ask = async |origin, headers: &[(&str, &str)]| {
            let headers = [&[("origin", origin)], headers].concat();
            edge.send("GET", "acme", "/", &headers, None).await
        };
        for (headers, status) in [(&[token][..], 200), (&[foreign], 403), (&[], 401)] {
            let answer = ask(ORIGIN, headers).await;
            assert_eq!(answer.status, status, "{name}");
            assert_eq!(allowed(&answer), [ORIGIN], "{name}");
            assert!(list(&answer, "vary").contains(&"origin".to_owned()), "{name}: {answer:?}");
            let exposed = list(&answer, "access-control-expose-headers");
            assert!(exposed.contains(&"www-authenticate".to_owned()), "{name}: {exposed:?}");
            let answer = ask("https://evil.example", headers).await;
            assert_eq!(answer.status, status, "{name}");
            assert!(allowed(&answer).is_empty(), "{name}");
        }
        let seen = ask(ORIGIN, &[token]).await.json();
        assert_eq!(received(&seen, "x-auth-tenant"), ["acme"], "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn proxy_errors_have_cors_headers() {
    let proxies = Proxies::with(Recipe::with(Extra::Cors)).await;
    proxies.service.validator.process().kill();
    let headers = [("origin", ORIGIN), ("x-vault-token", proxies.service.acme.token())];
    for (name, edge) in &proxies.edges {
        let answer = edge.send("GET", "acme", "/", &headers, None).await;
        assert!(answer.status >= 500, "{name}: {answer:?}");
        assert_eq!(allowed(&answer), [ORIGIN], "{name}: {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_origins_are_not_allowed() {
    let proxies = Proxies::start().await;
    let token = ("x-vault-token", proxies.service.acme.token());
    for (name, edge) in &proxies.edges {
        let preflight = edge.send("OPTIONS", "acme", "/", &[("origin", ORIGIN), METHOD], None);
        let answer = proxies.assert_denied(name, preflight, 401).await;
        assert!(allowed(&answer).is_empty(), "{name}");
        let answer = edge.send("GET", "acme", "/", &[("origin", ORIGIN), token], None).await;
        assert!(answer.status == 200 && allowed(&answer).is_empty(), "{name}: {answer:?}");
    }
}

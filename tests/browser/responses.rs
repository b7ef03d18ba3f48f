//! The responses that a browser records.

use super::Place;
use crate::support::{
    backend::Backend,
    browser::{Browser, Options},
    caddy::tls::TlsCaddy,
    direct::Direct,
};

#[tokio::test(flavor = "multi_thread")]
async fn page_without_token_shows_401() {
    let (service, backend) = (Direct::start().await, Backend::start().await);
    let caddy = TlsCaddy::start(service.validator.auth_address(), backend.address(), &[]).await;
    let browser = Browser::start(Options::new(caddy.leaf(), caddy.port())).await;
    browser.goto("https://crm.example.com/").await;
    let response = browser.response_to("https://crm.example.com/").await;
    assert_eq!((response.status, &*response.kind), (401, "Document"), "{response:?}");
    assert!(response.header("www-authenticate").is_some(), "{response:?}");
    assert_eq!(response.request_header("sec-fetch-site"), Some("none"), "{response:?}");
    browser.wait_for_text("credential_missing").await;
    assert_eq!(browser.url().await, "https://crm.example.com/");
    assert_eq!(backend.hits(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_redirect_and_cookie_is_recorded() {
    let place = Place::start().await;
    let browser = Browser::start(place.options()).await;
    browser.goto("https://cookies.example.com/first").await;
    browser.wait_for_url("https://landing.example.com/third").await;
    let responses = browser.responses().await;
    let pages = responses.iter().filter(|response| response.kind == "Document");
    let hops: Vec<_> = pages.map(|response| (response.url.as_str(), response.status)).collect();
    let expected = [
        ("https://cookies.example.com/first", 302),
        ("https://landing.example.com/second", 303),
        ("https://landing.example.com/third", 200),
    ];
    assert_eq!(hops, expected);
    let set = responses[0].set_cookies();
    assert!(set.len() == 2 && set[0].starts_with("__Host-a=1;"), "{set:?}");
    let refused = &responses[0].refused_cookies;
    assert!(refused.len() == 1 && refused[0].contains("__Host-b=2;"), "{refused:?}");
    let jar = browser.cookies().await;
    assert_eq!(jar.len(), 1, "{jar:?}");
    assert_eq!((&*jar[0].name, &*jar[0].domain), ("__Host-a", "cookies.example.com"));
    assert_eq!((jar[0].http_only, jar[0].same_site.as_deref()), (true, Some("Lax")));

    browser.forget_responses().await;
    assert!(browser.responses().await.is_empty());
    let other = browser.another(place.options()).await;
    assert!(other.cookies().await.is_empty(), "the jar of another browser");
}

#[tokio::test(flavor = "multi_thread")]
async fn unreadable_responses_are_recorded() {
    let place = Place::start().await;
    let page = r"<script>
        const other = 'https://landing.example.com/second';
        Promise.allSettled([fetch(other), fetch(other, {mode: 'no-cors'})])
            .then(results => document.title = results.map(result => result.status).join());
    </script>";
    place.backend.set_page("/webhook/fetches", page);
    let browser = Browser::start(place.options()).await;
    browser.goto("https://n8n.example.com/webhook/fetches").await;
    let script = "return document.title";
    let read = async || browser.read(script, &[]).await;
    let results =
        browser.wait("fetches", async || Some(read().await).filter(|title| title != "")).await;
    assert_eq!(results, "rejected,fulfilled");
    let responses = browser.responses().await;
    let site = "https://landing.example.com";
    let fetches = responses.iter().filter(|response| response.url.starts_with(site));
    let mut fetches: Vec<_> =
        fetches.map(|response| (&response.url[..], response.status)).collect();
    fetches.sort_unstable();
    let (second, third) = (format!("{site}/second"), format!("{site}/third"));
    assert_eq!(fetches, [(&*second, 303), (&*second, 303), (&*third, 200)], "{responses:?}");
    for response in responses.iter().filter(|response| response.kind == "Fetch") {
        assert_eq!(response.request_header("sec-fetch-site"), Some("same-site"), "{response:?}");
    }
}

//! The person, machine and network that a browser has.

use serde_json::json;

use super::{PAGE, Place};
use crate::support::{backend::received, browser::Browser};

#[tokio::test(flavor = "multi_thread")]
async fn open_path_shows_application() {
    let place = Place::start().await;
    let browser = Browser::start(place.options().language("es-CL")).await;
    browser.goto("https://n8n.example.com/webhook/a?b=c").await;
    let seen = browser.json().await;
    assert_eq!(seen["uri"], "/webhook/a?b=c");
    assert_eq!(received(&seen, "host"), ["n8n.example.com"]);
    assert_eq!(received(&seen, "accept-language"), ["es-CL,es;q=0.9"]);
    assert_eq!(browser.execute("return navigator.language").await, "es-CL");
    assert!(place.backend.hits() > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn emulation_covers_new_tabs() {
    let place = Place::start().await;
    let script = "return [innerWidth, devicePixelRatio, matchMedia('(prefers-color-scheme: dark)')\
                  .matches, document.getElementById('scripts').textContent]";
    let options = [
        (place.options(), json!([1280, 1, false, "on"])),
        (place.options().dark().phone().without_scripts(), json!([390, 2, true, "off"])),
    ];
    let first = Browser::start(options[0].0.clone()).await;
    for (options, expected) in options {
        let browser = first.another(options).await;
        for _ in 0..2 {
            browser.goto(PAGE).await;
            assert_eq!(browser.execute(script).await, expected);
            browser.reload().await;
            assert_eq!(browser.execute(script).await, expected);
            browser.new_tab().await;
        }
        assert_eq!(browser.windows().await.len(), 3);
        browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[should_panic(expected = "ERR_NAME_NOT_RESOLVED")]
async fn unmapped_host_is_not_reached() {
    let place = Place::start().await;
    Browser::start(place.options()).await.goto("https://example.net/").await;
}

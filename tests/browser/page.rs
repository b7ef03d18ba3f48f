//! What a person does with a page.

use std::fs;

use fantoccini::key::Key;

use super::{PAGE, Place};
use crate::support::browser::Browser;

#[tokio::test(flavor = "multi_thread")]
async fn form_is_filled_by_label_and_by_keys() {
    let place = Place::start().await;
    let browser = Browser::start(place.options()).await;
    browser.goto(PAGE).await;
    browser.fill("User name", "ann").await;
    browser.fill("input[name=password]", "1").await;
    browser.fill("Password", "ü&").await;
    browser.click("Log in").await;
    browser.wait_for_text("password=%C3%BC%26").await;
    assert_eq!(browser.json().await["body"], "user=ann&password=%C3%BC%26");
    assert_eq!(browser.response_to("https://n8n.example.com/webhook/sent").await.method, "POST");

    browser.back().await;
    browser.wait_for_url(PAGE).await;
    browser.click("Other site").await;
    browser.wait_for_text("chat.example.org").await;

    browser.goto(PAGE).await;
    browser.press(&format!("{}bob{}pw{}", Key::Tab, Key::Tab, Key::Enter)).await;
    browser.wait_for_text("user=bob&password=pw").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn controls_without_name_are_found() {
    let place = Place::start().await;
    let browser = Browser::start(place.options()).await;
    browser.goto(PAGE).await;
    assert_eq!(browser.unnamed_controls().await, [""; 0]);
    let nodes = browser.accessible_nodes().await;
    assert!(nodes.iter().any(|node| node["name"]["value"] == "Password"), "{nodes:?}");
    let page = r#"<input id="a"><button><img src="data:,"></button><button hidden></button>"#;
    place.backend.set_page("/webhook/unnamed", page);
    browser.goto("https://n8n.example.com/webhook/unnamed").await;
    let found = browser.unnamed_controls().await;
    assert!(found.len() == 2 && found[0].contains(r#"<input id="a">"#), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn screenshot_is_an_image() {
    let place = Place::start().await;
    let browser = Browser::start(place.options().phone()).await;
    browser.goto(PAGE).await;
    let file = browser.screenshot("harness").await;
    assert!(fs::read(&file).expect("the file").starts_with(b"\x89PNG\r\n"));
    fs::remove_file(file).expect("the file");
}

/// Pages that lead to the next by a script, as some logins do.
#[tokio::test(flavor = "multi_thread")]
async fn page_may_change_while_it_is_read() {
    const SITES: [&str; 2] =
        ["https://n8n.example.com/webhook/", "https://chat.example.com/api/v1/messaging/webhooks/"];
    let place = Place::start().await;
    for (site, other) in [(SITES[0], SITES[1]), (SITES[1], SITES[0])] {
        let path = &site[site.find(".com").expect("a host") + 4..];
        let page = format!(
            "<p>page</p><script>const n = Number(location.search.slice(1));
             if (n < 40) setTimeout(() => location = '{other}hop?' + (n + 1), n % 7);</script>"
        );
        place.backend.set_page(&format!("{path}hop"), &page);
    }
    let browser = Browser::start(place.options()).await;
    browser.goto(&format!("{}hop?0", SITES[0])).await;
    let last = format!("{}hop?40", SITES[0]);
    let is_last = async || {
        assert_eq!(browser.text().await, "page");
        (browser.url().await == last).then_some(())
    };
    browser.wait("the last page", is_last).await;
    let pages = browser.responses().await.into_iter().filter(|page| page.url.contains("hop?"));
    assert!(pages.map(|page| page.status).eq([200; 41]));
}

//! The page in a real browser.

use std::time::Duration;

use serde_json::json;

use super::{
    ADMIN_TOKEN, REBOUND, check_page, deny, options, property, wait_for, with_admin_token,
};
use crate::support::{browser::Browser, direct::Direct, fault::Fault};

/// A key that moves the focus to the next element, and one that presses a button.
const TAB: &str = "\u{e004}";
const ENTER: &str = "\u{e007}";

/// Sends known traffic: 6 allowed requests, of which 5 are cached, and 4 denied ones of 3 kinds.
async fn send_traffic(service: &Direct) {
    for _ in 0..6 {
        assert_eq!(service.ask(service.acme.token()).await.status, 200);
    }
    for _ in 0..2 {
        assert_eq!(deny(service, "globex.crm.example.com", "/contacts").await.status, 403);
    }
    assert_eq!(service.validator.validate("", &[]).await.status, 401);
    assert_eq!(service.ask("hvs.unknown").await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn page_shows_the_last_hour_and_updates_itself() {
    let service = Direct::start().await;
    let browser = Browser::start(options(&service)).await;
    browser.goto(&service.validator.admin_url()).await;
    wait_for(&browser, "#state", "Live").await;
    wait_for(&browser, "#denials", "No request was denied yet").await;
    check_page(&browser, &service).await;
    browser.screenshot("console-empty").await;
    send_traffic(&service).await;
    wait_for(&browser, "#reasons", "tenant_mismatch").await;
    let rows = browser
        .read(
            "return [...document.querySelectorAll('#reasons tbody tr')]
                 .map(row => [...row.cells].slice(0, 2).map(cell => cell.innerText.trim()))",
            &[],
        )
        .await;
    let expected = [
        ["ok", "6"],
        ["tenant_mismatch", "2"],
        ["credential_missing", "1"],
        ["token_invalid", "1"],
    ];
    assert_eq!(rows, json!(expected));
    for text in ["Decisions", "10", "60.0\u{a0}% allowed", "Ready", "Up", "until it expires"] {
        wait_for(&browser, "#tiles", text).await;
    }
    for text in
        ["tenant_mismatch", "acme", "POST /contacts", "globex.crm.example.com", "192.0.2.7", "×2"]
    {
        wait_for(&browser, "#denials", text).await;
    }
    wait_for(&browser, "#latencies", "from the cache").await;
    wait_for(&browser, "#vault-calls", "lookup").await;
    check_page(&browser, &service).await;
    service.fault.set(Fault::Status(503, r#"{"errors":["Vault is sealed"]}"#)).await;
    wait_for(&browser, "#tiles", "Sealed").await;
    wait_for(&browser, "#tiles", "vault_sealed").await;
    check_page(&browser, &service).await;
    browser.screenshot("console-outage").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn small_dark_phone_in_spanish_is_readable() {
    let service = Direct::start().await;
    send_traffic(&service).await;
    deny(&service, &"h".repeat(180), &format!("/{}", "long".repeat(500))).await;
    let browser = Browser::start(options(&service).dark().language("es-CL")).await;
    let metrics = json!({"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": true});
    browser.cdp("Emulation.setDeviceMetricsOverride", metrics).await;
    browser.goto(&service.validator.admin_url()).await;
    wait_for(&browser, "#state", "En vivo").await;
    wait_for(&browser, "#denials", "Organización").await;
    let scheme = "return getComputedStyle(document.body).backgroundColor";
    assert_eq!(browser.read(scheme, &[]).await, json!("rgb(18, 21, 26)"));
    check_page(&browser, &service).await;
    browser.screenshot("console-phone").await;
}

/// Returns a script after which the tab is hidden, or is not any more.
fn hidden(is_hidden: bool) -> String {
    format!(
        "Object.defineProperty(document, 'hidden', {{value: {is_hidden}, configurable: true}});
         document.dispatchEvent(new Event('visibilitychange'))"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_service_and_hidden_tab_are_shown() {
    let mut service = Direct::start().await;
    let browser = Browser::start(options(&service)).await;
    browser.goto(&service.validator.admin_url()).await;
    wait_for(&browser, "#state", "Live").await;
    browser.execute(&hidden(true)).await;
    wait_for(&browser, "#state", "Paused").await;
    browser.forget_responses().await;
    // Longer than the interval between two requests: nothing happens that could be awaited.
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert!(browser.responses().await.is_empty(), "a hidden page has sent a request");
    browser.execute(&hidden(false)).await;
    wait_for(&browser, "#state", "Live").await;
    service.validator.process().kill();
    wait_for(&browser, "#state", "No response since").await;
    service.validator.restart().await;
    wait_for(&browser, "#state", "Live").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_paths_are_shown_as_text() {
    let service = Direct::start().await;
    let script = "<script>window.pwned=1</script><img/src=x/onerror=window.pwned=1>";
    deny(&service, "crm.example.com", &format!("/{script}")).await;
    deny(&service, "crm.example.com", "/'\"><svg/onload=window.pwned=1>").await;
    let browser = Browser::start(options(&service)).await;
    browser.goto(&service.validator.admin_url()).await;
    wait_for(&browser, "#denials", script).await;
    deny(&service, "crm.example.com", &format!("/later{script}")).await;
    wait_for(&browser, "#denials", "/later<script>").await;
    let state = "return [window.pwned ?? null, document.querySelectorAll('#denials :is(script, img, svg)').length]";
    assert_eq!(browser.read(state, &[]).await, json!([null, 0]));
    check_page(&browser, &service).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn decision_is_explained_by_keyboard() {
    let service = Direct::start().await;
    let browser = Browser::start(options(&service)).await;
    browser.goto(&service.validator.admin_url()).await;
    wait_for(&browser, "#state", "Live").await;
    let path = format!("{TAB}tenant=globex{TAB}P{TAB}/contacts{TAB}192.0.2.7{TAB}");
    browser.press(&path).await;
    browser.press(&format!("{}{ENTER}", service.acme.token())).await;
    wait_for(&browser, "#explanation", "Denied: 403 tenant_mismatch").await;
    wait_for(&browser, "#explanation", "the caller's tenant is acme").await;
    assert_eq!(property(&browser, "#token", "value").await, json!(""));
    let html = browser.read("return document.documentElement.outerHTML", &[]).await;
    assert!(
        !html.as_str().expect("HTML").contains(service.acme.token()),
        "the token is in the page"
    );
    assert_eq!(browser.read("return document.activeElement.id", &[]).await, json!("explanation"));
    for response in browser.responses().await {
        assert!(!response.url.contains(service.acme.token()), "{}", response.url);
    }
    check_page(&browser, &service).await;
    browser.screenshot("console-explanation").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn admin_token_unlocks_the_page() {
    let (service, _dir) = with_admin_token().await;
    send_traffic(&service).await;
    let browser = Browser::start(options(&service)).await;
    browser.goto(&service.validator.admin_url()).await;
    check_page(&browser, &service).await;
    browser.screenshot("console-locked").await;
    browser.press(&format!("another-token-of-some-length{ENTER}")).await;
    wait_for(&browser, "#unlock-message", "not the admin token").await;
    browser.press(&format!("{ADMIN_TOKEN}{ENTER}")).await;
    wait_for(&browser, "#denials", "tenant_mismatch").await;
    wait_for(&browser, "#state", "Live").await;
    browser.reload().await;
    wait_for(&browser, "#denials", "tenant_mismatch").await;
    let html = browser.read("return document.documentElement.outerHTML", &[]).await;
    assert!(!html.as_str().expect("HTML").contains(ADMIN_TOKEN), "the token is in the page");
}

#[tokio::test(flavor = "multi_thread")]
async fn rebound_page_has_no_data() {
    let service = Direct::start().await;
    deny(&service, "crm.example.com", "/seldom").await;
    let browser = Browser::start(options(&service)).await;
    browser.goto(&format!("http://{REBOUND}/")).await;
    let text = browser.text().await;
    assert!(text.contains("host_not_allowed") && !text.contains("/seldom"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn page_is_complete_without_scripts() {
    let service = Direct::start().await;
    send_traffic(&service).await;
    let browser = Browser::start(options(&service).without_scripts()).await;
    browser.goto(&service.validator.admin_url()).await;
    wait_for(&browser, "#denials", "tenant_mismatch").await;
    wait_for(&browser, "main", "Without JavaScript").await;
    let form = "return document.querySelector('#explain').checkVisibility()";
    assert_eq!(browser.read(form, &[]).await, json!(false));
    check_page(&browser, &service).await;
}

//! The pages of browser logins in every state, as a person sees them.

use serde_json::json;

use super::login::Platform;
use crate::support::{browser::Browser, fault::Fault};

const LOGIN: &str = "https://login.example.com/.vault-auth/login";

/// Waits for this text, and checks what has to be true of every page.
async fn check(browser: &Browser, name: &str, text: &str) {
    browser.wait_for_text(text).await;
    assert_eq!(browser.unnamed_controls().await, [""; 0], "{name}");
    let page = browser
        .read(
            "return [document.documentElement.scrollWidth <= innerWidth,
                     document.querySelectorAll('h1').length,
                     document.title !== '' && document.documentElement.lang !== '']",
            &[],
        )
        .await;
    assert_eq!(page, json!([true, 1, true]), "{name}");
    browser.screenshot(name).await;
}

async fn try_password(browser: &Browser, name: &str) {
    browser.goto(LOGIN).await;
    browser.fill("input[name=name]", name).await;
    browser.fill("input[name=password]", "wrong").await;
    browser.press("\u{e007}").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_state_is_a_readable_page() {
    let platform = Platform::start().await;
    let english = Browser::start(platform.options()).await;
    let phone = platform.options().phone().dark().language("es-CL");
    let spanish = english.another(phone).await;
    for (browser, language, texts) in [
        (&english, "en", ["Wrong user name", "Too many", "no longer valid"]),
        (&spanish, "es", ["incorrect", "Demasiados", "ya no"]),
    ] {
        let name = |state: &str| format!("{state}-{language}");
        browser.goto("https://crm.example.com/").await;
        check(browser, &name("first-visit"), "crm.example.com").await;
        let user = format!("user-{language}");
        try_password(browser, &user).await;
        check(browser, &name("wrong-password"), texts[0]).await;
        for _ in 0..4 {
            try_password(browser, &user).await;
        }
        check(browser, &name("too-many-attempts"), texts[1]).await;
        let ticket = "https://crm.example.com/.vault-auth/session?ticket=x";
        browser.goto(ticket).await;
        check(browser, &name("ticket-invalid"), texts[2]).await;
        browser.goto(&format!("{LOGIN}?to=https://evil.test/")).await;
        check(browser, &name("wrong-host"), "evil.test").await;
    }
    platform.log_in(&english).await;
    english.goto("https://grafana.example.com/").await;
    check(&english, "unlisted-host", "grafana.example.com").await;
    english.goto("https://acme.crm.example.com/").await;
    check(&english, "not-allowed", "tenant_mismatch").await;
    english.goto("https://crm.example.com/.vault-auth/").await;
    check(&english, "account", "ana").await;
    platform.people.direct.fault.set(Fault::Hang).await;
    english.click("Log out").await;
    check(&english, "logout-failed", "Vault").await;
    platform.people.direct.fault.set(Fault::Pass).await;
    english.click("Log out").await;
    check(&english, "logged-out", "logged out").await;
}

//! The console of the admin listener, by HTTP and in a real browser.

mod access;
mod explain;
mod page;

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{
    browser::{Browser, Options},
    direct::Direct,
    http::{self, Answer},
    stack::bearer,
    tls::Leaf,
};

/// The admin listener's token.
const ADMIN_TOKEN: &str = "an-admin-token-of-28-letters";

/// The host name of an attacker, which resolves to this machine.
const REBOUND: &str = "evil.example.com";

/// Starts everything with an admin token.
async fn with_admin_token() -> (Direct, TempDir) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let file = dir.path().join("token");
    fs::write(&file, ADMIN_TOKEN).expect("a file");
    let path = file.display().to_string();
    (Direct::start_with(&[("VALIDATOR_ADMIN_TOKEN_FILE", &path)]).await, dir)
}

/// Returns the response to `GET` at the admin listener.
async fn get(service: &Direct, path: &str, headers: &[(&str, &str)]) -> Answer {
    let url = format!("{}{path}", service.validator.admin_url());
    http::send(&http::client(), "GET", &url, headers, None).await.expect("an answer")
}

/// Denies a request of acme's caller for globex, by this method, host and path.
async fn deny(service: &Direct, host: &str, path: &str) -> Answer {
    let authorization = bearer(service.acme.token());
    let headers = [
        ("authorization", authorization.as_str()),
        ("x-forwarded-method", "POST"),
        ("x-forwarded-host", host),
        ("x-forwarded-uri", path),
        ("x-forwarded-for", "192.0.2.7"),
    ];
    service.validator.validate("tenant=globex", &headers).await
}

/// Returns the options of a browser on the operator's machine.
fn options(service: &Direct) -> Options {
    let url = service.validator.admin_url();
    let port = url.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
    Options::new(&Leaf::new(&["unused.example.com"]), port).host(REBOUND, port)
}

/// Checks what has to be true of the page in every state.
async fn check_page(browser: &Browser, service: &Direct) {
    assert_eq!(browser.unnamed_controls().await, [""; 0]);
    let page = browser
        .read(
            "return [document.documentElement.scrollWidth <= innerWidth,
                     document.querySelectorAll('h1').length,
                     document.title !== '' && document.documentElement.lang !== '']",
            &[],
        )
        .await;
    assert_eq!(page, json!([true, 1, true]));
    assert_eq!(browser.read(LOW_CONTRAST, &[]).await, json!([]), "text without contrast");
    assert_eq!(browser.console_messages().await, [""; 0]);
    for response in browser.responses().await {
        let is_own = response.url.starts_with(&service.validator.admin_url());
        assert!(is_own || response.url.starts_with("data:"), "{}", response.url);
    }
}

/// Returns the texts whose contrast with the background is less than 4.5 (WCAG 2.2, 1.4.3).
const LOW_CONTRAST: &str = r"
const channels = color => color.match(/[\d.]+/g).map(Number);
const luminance = color => {
  const [r, g, b] = channels(color).map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const background = element => {
  for (let e = element; e; e = e.parentElement) {
    const color = getComputedStyle(e).backgroundColor;
    if ((channels(color)[3] ?? 1) === 1) return color;
  }
  return 'rgb(255, 255, 255)';
};
const low = [];
for (const element of document.querySelectorAll('body *:not(script, style, title)')) {
  const has = [...element.childNodes].some(n => n.nodeType === 3 && n.data.trim());
  if (!has || !element.checkVisibility()) continue;
  const pair = [getComputedStyle(element).color, background(element)].map(luminance);
  const ratio = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
  if (ratio < 4.5) low.push(element.textContent.trim() + ': ' + ratio.toFixed(2));
}
return low;
";

/// Waits until a part of the page has this text.
async fn wait_for(browser: &Browser, part: &str, text: &str) {
    let script = "return document.querySelector(arguments[0])?.innerText ?? ''";
    let what = format!("{text:?} in {part}");
    browser
        .wait(&what, async || {
            let shown = browser.read(script, &[json!(part)]).await;
            shown.as_str().is_some_and(|shown| shown.contains(text)).then_some(())
        })
        .await;
}

/// Returns the value of a property of an element.
async fn property(browser: &Browser, element: &str, name: &str) -> Value {
    let script = "return document.querySelector(arguments[0])?.[arguments[1]] ?? null";
    browser.read(script, &[json!(element), json!(name)]).await
}

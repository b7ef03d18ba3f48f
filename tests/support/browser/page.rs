//! The page that a browser shows, and the person in front of it.

use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use fantoccini::elements::Element;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Browser, TIMEOUT, command::DriverCommand, done};

/// Returns the elements that a person would call by this name, or else those that a CSS selector
/// matches.
const FIND: &str = r"
const [wanted] = arguments;
const text = e => e.textContent.trim().replace(/\s+/g, ' ');
const all = selector => [...document.querySelectorAll(selector)];
const named = new Set([
  ...all('label').filter(e => text(e) === wanted).map(e => e.control),
  ...all('[aria-label]').filter(e => e.ariaLabel === wanted),
  ...all('a, button, summary').filter(e => text(e) === wanted),
  ...all('input[type=submit], input[type=button]').filter(e => e.value === wanted),
]);
named.delete(null);
if (named.size) return [...named];
try { return all(wanted); } catch { return []; }
";

/// A cookie in the browser's jar.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cookie {
    /// The name.
    pub name: String,
    /// The value.
    pub value: String,
    /// The host, or the domain with a `.` in front if its subdomains receive it as well.
    pub domain: String,
    /// The path.
    pub path: String,
    /// Seconds since 1970; -1 for a session's.
    pub expires: f64,
    /// Hidden from scripts.
    pub http_only: bool,
    /// Sent over https alone.
    pub secure: bool,
    /// `Strict`, `Lax` or `None`; absent if it was not set.
    pub same_site: Option<String>,
}

impl Browser {
    /// Returns the visible text of the page.
    pub async fn text(&self) -> String {
        let text = self.read("return document.body ? document.body.innerText : ''", &[]).await;
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Returns the page as JSON.
    ///
    /// # Panics
    /// If it is none.
    pub async fn json(&self) -> Value {
        let text = self.read("return document.body ? document.body.textContent : ''", &[]).await;
        let text = text.as_str().unwrap_or_default();
        serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in the page {text:?}"))
    }

    /// Replaces the content of a field, which is named by its label or by a CSS selector.
    ///
    /// # Panics
    /// If there is no such field or more than one.
    pub async fn fill(&self, name: &str, value: &str) {
        let field = self.element(name).await;
        done(name, field.clear().await);
        done(name, field.send_keys(value).await);
    }

    /// Clicks a link, button or field, which is named by its text, its label or by a CSS selector.
    /// If this opens another page, later calls wait until it has loaded.
    ///
    /// # Panics
    /// If there is none or more than one.
    pub async fn click(&self, name: &str) {
        done(name, self.element(name).await.click().await);
    }

    /// Presses and releases these keys one after the other, wherever the focus is. Keys without a
    /// character are those of [`fantoccini::key::Key`], as in `"secret" + &Key::Enter`.
    pub async fn press(&self, keys: &str) {
        let key = |kind: &str, key: char| json!({"type": kind, "value": key.to_string()});
        let keys: Vec<_> =
            keys.chars().flat_map(|c| [key("keyDown", c), key("keyUp", c)]).collect();
        let body = json!({"actions": [{"type": "key", "id": "keyboard", "actions": keys}]});
        self.command(DriverCommand::post("actions", body)).await;
    }

    /// Returns every cookie in the jar, of all hosts.
    pub async fn cookies(&self) -> Vec<Cookie> {
        let jar = self.cdp("Network.getAllCookies", json!({})).await;
        serde_json::from_value(jar["cookies"].clone()).expect("cookies")
    }

    /// Writes what the window shows to `target/tmp/browser/NAME.png` and returns this path.
    ///
    /// # Panics
    /// If the file cannot be written.
    pub async fn screenshot(&self, name: &str) -> PathBuf {
        let png = done(name, self.client.screenshot().await);
        let tmp = option_env!("CARGO_TARGET_TMPDIR").map_or_else(std::env::temp_dir, PathBuf::from);
        let dir = tmp.join("browser");
        fs::create_dir_all(&dir).expect("a folder");
        let file = dir.join(format!("{name}.png"));
        fs::write(&file, png).expect("a PNG file");
        file
    }

    /// Repeats `condition` until it yields a value.
    ///
    /// # Panics
    /// If it yields none in 20 seconds; the message names `what` and has the text of the page.
    pub async fn wait<T>(&self, what: &str, mut condition: impl AsyncFnMut() -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            if let Some(value) = condition().await {
                return value;
            }
            if start.elapsed() > TIMEOUT {
                let (url, text) = (self.url().await, self.text().await);
                panic!("not within {TIMEOUT:?}: {what}; {url} shows:\n{text}");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until the page has this text.
    ///
    /// # Panics
    /// If it does not appear.
    pub async fn wait_for_text(&self, text: &str) {
        let what = format!("the text {text:?}");
        self.wait(&what, async || self.text().await.contains(text).then_some(())).await;
    }

    /// Waits until the page has this URL.
    ///
    /// # Panics
    /// If it has not in time.
    pub async fn wait_for_url(&self, url: &str) {
        let what = format!("the URL {url}");
        self.wait(&what, async || (self.url().await == url).then_some(())).await;
    }

    async fn element(&self, name: &str) -> Element {
        let what = format!("an element {name:?}");
        let found = self
            .wait(&what, async || {
                let found = self.read(FIND, &[json!(name)]).await;
                let Value::Array(found) = found else { return None };
                (!found.is_empty()).then_some(found)
            })
            .await;
        assert_eq!(found.len(), 1, "more than one {name:?}");
        // https://www.w3.org/TR/webdriver2/#elements
        let id = found[0]["element-6066-11e4-a52e-4f735466cecf"].as_str().expect("an element");
        Element::from_element_id(self.client.clone(), id.to_owned().into())
    }
}

//! The person, machine and network that a browser has.

use serde_json::{Value, json};

use super::{
    super::{tls::Leaf, tools},
    Browser,
};

/// The options of a browser.
#[derive(Clone, Debug)]
pub struct Options {
    rules: Vec<String>,
    trusted: String,
    language: Option<String>,
    is_dark: bool,
    is_phone: bool,
    is_without_scripts: bool,
}

impl Options {
    /// A desktop browser in English that trusts this certificate and reaches its names at this port
    /// of 127.0.0.1.
    pub fn new(leaf: &Leaf, port: u16) -> Self {
        let options = Self {
            rules: Vec::new(),
            trusted: leaf.spki_hash().to_owned(),
            language: None,
            is_dark: false,
            is_phone: false,
            is_without_scripts: false,
        };
        leaf.names().iter().fold(options, |options, name| options.host(name, port))
    }

    /// A further host, in which `*` is any text, at a port of 127.0.0.1.
    #[must_use]
    pub fn host(mut self, name: &str, port: u16) -> Self {
        self.rules.push(format!("MAP {name} 127.0.0.1:{port}"));
        self
    }

    /// The preferred language, such as `es-CL`, of which `Accept-Language` is made.
    #[must_use]
    pub fn language(mut self, language: &str) -> Self {
        self.language = Some(language.to_owned());
        self
    }

    /// A person who prefers dark pages.
    #[must_use]
    pub fn dark(mut self) -> Self {
        self.is_dark = true;
        self
    }

    /// A phone: 390 by 844 pixels of CSS, two of the screen for each.
    #[must_use]
    pub fn phone(mut self) -> Self {
        self.is_phone = true;
        self
    }

    /// A browser that runs no scripts of pages.
    #[must_use]
    pub fn without_scripts(mut self) -> Self {
        self.is_without_scripts = true;
        self
    }

    /// The capabilities of a new WebDriver session.
    pub(super) fn capabilities(&self) -> Value {
        let rules = self.rules.join(",");
        let mut arguments = vec![
            "--headless=new".to_owned(),
            // Chromium's own sandbox does not work as root or in most containers.
            "--no-sandbox".to_owned(),
            // A container's /dev/shm is too small, and what is in TMPDIR is removed.
            "--disable-dev-shm-usage".to_owned(),
            "--disable-quic".to_owned(),
            "--window-size=1280,900".to_owned(),
            format!(
                "--host-resolver-rules={rules},MAP * ~NOTFOUND,EXCLUDE localhost,EXCLUDE 127.0.0.1"
            ),
            format!("--ignore-certificate-errors-spki-list={}", self.trusted),
        ];
        arguments.extend(self.language.iter().map(|tag| format!("--accept-lang={tag}")));
        json!({
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
            "goog:chromeOptions": {"binary": tools::chromium(), "args": arguments},
            "timeouts": {"pageLoad": 30_000, "script": 20_000},
        })
    }
}

impl Browser {
    /// Applies those options to the current window that only the `DevTools` protocol has.
    pub(super) async fn emulate(&self) {
        let Options { is_dark, is_phone, is_without_scripts, .. } = self.options;
        if is_dark {
            let features = json!([{"name": "prefers-color-scheme", "value": "dark"}]);
            self.cdp("Emulation.setEmulatedMedia", json!({"features": features})).await;
        }
        if is_phone {
            let metrics =
                json!({"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": true});
            self.cdp("Emulation.setDeviceMetricsOverride", metrics).await;
        }
        if is_without_scripts {
            self.cdp("Emulation.setScriptExecutionDisabled", json!({"value": true})).await;
        }
    }
}

//! A real Chromium, for tests of what a person sees.
//!
//! It reaches this machine alone: [`Options`] maps host names to ports, and no other name resolves.
//! URLs have no port, as in production.

mod accessibility;
mod command;
mod console_log;
mod driver;
mod network_log;
mod options;
pub mod page;
pub mod responses;
mod windows;

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use fantoccini::{Client, ClientBuilder, error::CmdError};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};

pub use self::options::Options;
use self::{command::DriverCommand, driver::ChromeDriver, network_log::NetworkLog};

/// The time that a page may take until it is as a test expects.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A browser with a profile of its own, showing one page. Dropping the last browser of a driver ends
/// all of its processes and removes all of its files.
pub struct Browser {
    client: Client,
    options: Options,
    network: Mutex<NetworkLog>,
    driver: Arc<ChromeDriver>,
}

impl Browser {
    /// Starts a browser with a driver of its own. At most two drivers run at once, so a test that
    /// needs a second browser gets it from [`Browser::another`].
    ///
    /// # Panics
    /// If it does not start; the message has the driver's log.
    pub async fn start(options: Options) -> Self {
        Self::on(Arc::new(ChromeDriver::start().await), options).await
    }

    /// Starts a further browser, which shares nothing with this one but the driver: another person
    /// at another machine.
    ///
    /// # Panics
    /// As [`Browser::start`].
    pub async fn another(&self, options: Options) -> Self {
        Self::on(Arc::clone(&self.driver), options).await
    }

    async fn on(driver: Arc<ChromeDriver>, options: Options) -> Self {
        let Value::Object(capabilities) = options.capabilities() else {
            panic!("capabilities are an object")
        };
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(driver.url())
            .await
            .unwrap_or_else(|error| panic!("starting Chromium: {error}\n{}", driver.log()));
        let browser = Self { client, options, network: Mutex::default(), driver };
        browser.emulate().await;
        browser
    }

    /// The driver, to look for its processes and files.
    pub fn driver(&self) -> &ChromeDriver {
        &self.driver
    }

    /// Opens a URL as if a person had typed it, and waits until the page has loaded.
    ///
    /// # Panics
    /// If there is no response: the name does not resolve, the certificate is not trusted.
    pub async fn goto(&self, url: &str) {
        done(url, self.client.goto(url).await);
        let script = "return location.protocol === 'chrome-error:' ? document.body.innerText : ''";
        let error = self.read(script, &[]).await;
        let error = error.as_str().unwrap_or_default();
        // Chromium shows a page of its own for a 4xx or 5xx without a body, too.
        assert!(error.is_empty() || error.contains("HTTP ERROR"), "{url}: {error}");
    }

    /// Loads the page again, as the button does.
    pub async fn reload(&self) {
        done("reload", self.client.refresh().await);
    }

    /// Returns to the previous page of the history.
    pub async fn back(&self) {
        done("back", self.client.back().await);
    }

    /// Returns the URL of the page.
    pub async fn url(&self) -> String {
        on_one_page("the URL", || self.client.current_url()).await.to_string()
    }

    /// Runs the body of a function in the page and returns its result, of a promise the value. Runs
    /// it also where the page's own scripts are off or forbidden by a policy.
    ///
    /// # Panics
    /// If it throws an error, or if the page changes to another meanwhile.
    pub async fn execute(&self, script: &str) -> Value {
        done(script, self.client.execute(script, Vec::new()).await)
    }

    /// As [`Browser::execute`] for a script that changes nothing: if the page changes to another
    /// meanwhile, runs it again there.
    ///
    /// # Panics
    /// If it throws an error.
    pub async fn read(&self, script: &str, arguments: &[Value]) -> Value {
        on_one_page(script, || self.client.execute(script, arguments.to_vec())).await
    }

    /// Calls a method of the `DevTools` protocol for the current window.
    ///
    /// # Panics
    /// If it fails.
    pub async fn cdp(&self, method: &str, params: Value) -> Value {
        let body = json!({"cmd": method, "params": params});
        self.command(DriverCommand::post("goog/cdp/execute", body)).await
    }

    async fn command(&self, command: DriverCommand) -> Value {
        let what = format!("{command:?}");
        done(&what, self.client.issue_cmd(command).await)
    }

    /// Ends this browser alone, while others of the same driver keep running.
    pub async fn close(self) {
        done("close", self.client.close().await);
    }
}

/// Repeats a command that changes nothing until the page stays the same during it.
async fn on_one_page<T, F>(what: &str, command: impl Fn() -> F) -> T
where
    F: Future<Output = Result<T, CmdError>>,
{
    let start = Instant::now();
    loop {
        match command().await {
            Err(error) if is_of_navigation(&error) && start.elapsed() < TIMEOUT => {}
            result => return done(what, result),
        }
    }
}

/// Returns true if the page changed to another during the command.
fn is_of_navigation(error: &CmdError) -> bool {
    let error = error.to_string();
    ["aborted by navigation", "no such execution context"]
        .iter()
        .any(|reason| error.contains(reason))
}

/// Returns the value of a command that has to succeed.
#[track_caller]
fn done<T>(what: &str, result: Result<T, CmdError>) -> T {
    result.unwrap_or_else(|error| panic!("{what}: {error}"))
}

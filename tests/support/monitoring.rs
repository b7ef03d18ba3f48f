//! A real Prometheus and a real Alertmanager with the configuration of `deploy/observability/`, in which
//! a minute takes a second.

mod messages;
mod timelapse;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;

use self::{messages::Messages, timelapse::shortened};
use super::{http, ports::free_port, process::Process, tools, wait::eventually};

/// The time that an alert may take from its fault to its message.
const TIMEOUT: Duration = Duration::from_mins(1);

/// The time within which the servers have to listen.
const START: Duration = Duration::from_secs(20);

/// The alerts about failing scrapes. At sixty times the speed a busy machine causes them as well: Prometheus
/// looks for targets five seconds after its start, and a scrape may take longer than it has time.
const ABOUT_SCRAPES: [&str; 2] = ["VaultAuthAbsent", "VaultAuthDown"];

/// Prometheus, which scrapes validators, and Alertmanager, which sends messages to a webhook.
pub struct Monitoring {
    prometheus: Process,
    alertmanager: Process,
    url: String,
    messages: Messages,
    http: reqwest::Client,
    _dir: TempDir,
}

impl Monitoring {
    /// Starts them, to scrape the validators with these admin listeners (`host:port`), and waits until
    /// each was scraped.
    ///
    /// # Panics
    /// If one of them does not start.
    pub async fn start(targets: &[&str]) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let messages = Messages::start().await;
        let ports = (free_port(), free_port());
        let alertmanager = start_alertmanager(dir.path(), ports.1, messages.url());
        let prometheus = start_prometheus(dir.path(), ports, targets);
        let url = format!("http://127.0.0.1:{}", ports.0);
        let http = http::client();
        let monitoring = Self { prometheus, alertmanager, url, messages, http, _dir: dir };
        monitoring.has_scraped(targets.len()).await;
        monitoring
    }

    async fn has_scraped(&self, targets: usize) {
        eventually(START, "all targets to be scraped twice", async || {
            for process in [&self.prometheus, &self.alertmanager] {
                assert!(process.exit_status().is_none(), "{}", process.log());
            }
            let up = self.query("count_over_time(up[1h]) > 1").await?;
            (up.len() == targets).then_some(())
        })
        .await;
    }

    /// Returns the names of the alerts that fire.
    pub async fn firing(&self) -> BTreeSet<String> {
        names(&self.query("ALERTS{alertstate=\"firing\"}").await.expect("Prometheus"))
    }

    /// Returns the names of the alerts that fired at any time, but for [`ABOUT_SCRAPES`].
    pub async fn fired(&self) -> BTreeSet<String> {
        let query = "count_over_time(ALERTS{alertstate=\"firing\"}[1h])";
        about_service(names(&self.query(query).await.expect("Prometheus")))
    }

    /// Waits until this alert fires in Prometheus.
    ///
    /// # Panics
    /// If it does not in time.
    pub async fn fires(&self, alert: &str) {
        let what = format!("{alert} to fire");
        eventually(TIMEOUT, &what, async || self.firing().await.contains(alert).then_some(()))
            .await;
    }

    /// Waits until this alert fires in Prometheus, and two minutes of the rules longer; asserts that there
    /// is no message about it.
    ///
    /// # Panics
    /// If it does not fire in time, or a message has arrived.
    pub async fn holds_back(&self, alert: &str) {
        self.fires(alert).await;
        let until = self.now().await + 2.0;
        eventually(TIMEOUT, "two seconds", async || (self.now().await > until).then_some(())).await;
        let delivered = self.messages.alerts();
        assert!(!delivered.contains(alert), "{alert} was sent: {delivered:?}");
    }

    /// Waits until this alert no longer fires in Prometheus.
    ///
    /// # Panics
    /// If it still does at the deadline.
    pub async fn ends(&self, alert: &str) {
        let what = format!("{alert} to end");
        eventually(TIMEOUT, &what, async || (!self.firing().await.contains(alert)).then_some(()))
            .await;
    }

    /// Waits until a message about this alert has arrived at the webhook, with a complete text and the
    /// link to the alert's section of the handbook.
    ///
    /// # Panics
    /// If none does in time.
    pub async fn delivers(&self, alert: &str) {
        let what = format!("a message about {alert}");
        let text = eventually(TIMEOUT, &what, async || self.messages.about(alert)).await;
        assert!(text.contains("/docs/operations.md#"), "{text}");
        assert!(!text.contains("<error") && !text.contains("<no value>"), "{text}");
    }

    /// Waits until a message at the webhook says that this alert has ended.
    ///
    /// # Panics
    /// If none does in time.
    pub async fn resolves(&self, alert: &str) {
        let what = format!("a message about the end of {alert}");
        eventually(TIMEOUT, &what, async || self.messages.about_end(alert)).await;
    }

    /// Waits until a validator was scraped for this time.
    pub async fn observes(&self, time: Duration) {
        let query = format!("count_over_time(up[1h]) > {}", time.as_millis() / 500);
        eventually(TIMEOUT, "enough scrapes", async || {
            (!self.query(&query).await?.is_empty()).then_some(())
        })
        .await;
    }

    /// Returns the names of the alerts that messages have arrived about, but for [`ABOUT_SCRAPES`].
    pub fn delivered(&self) -> BTreeSet<String> {
        about_service(self.messages.alerts())
    }

    /// Asserts that every rule was evaluated without an error.
    ///
    /// # Panics
    /// If one was not.
    pub async fn evaluates(&self) {
        let url = format!("{}/api/v1/rules", self.url);
        let answer = http::send(&self.http, "GET", &url, &[], None).await.expect("Prometheus");
        let groups = answer.json()["data"]["groups"].clone();
        let groups = groups.as_array().expect("groups");
        assert!(!groups.is_empty());
        for rule in groups.iter().flat_map(|group| group["rules"].as_array().expect("rules")) {
            assert_eq!(rule["health"], "ok", "{rule}");
        }
    }

    /// Returns the time of Prometheus, in seconds.
    async fn now(&self) -> f64 {
        let series = self.query("vector(time())").await.expect("Prometheus");
        series[0]["value"][1].as_str().and_then(|time| time.parse().ok()).expect("a time")
    }

    /// Returns the series of an instant query; `None` if Prometheus does not answer yet.
    async fn query(&self, query: &str) -> Option<Vec<Value>> {
        let url = reqwest::Url::parse_with_params(
            &format!("{}/api/v1/query", self.url),
            &[("query", query)],
        )
        .expect("a URL");
        let answer = http::send(&self.http, "GET", url.as_str(), &[], None).await.ok()?;
        let answer: Value = serde_json::from_str(&answer.body).ok()?;
        answer["data"]["result"].as_array().cloned()
    }
}

fn about_service(mut alerts: BTreeSet<String>) -> BTreeSet<String> {
    alerts.retain(|alert| !ABOUT_SCRAPES.contains(&alert.as_str()));
    alerts
}

fn names(series: &[Value]) -> BTreeSet<String> {
    series
        .iter()
        .map(|series| series["metric"]["alertname"].as_str().expect("a name").to_owned())
        .collect()
}

/// Returns the path of a file or folder of `deploy/observability/`.
fn shipped(path: &str) -> PathBuf {
    tools::repository("deploy/observability").join(path)
}

fn read_shipped(path: &str) -> String {
    fs::read_to_string(shipped(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Replaces a part of a configuration that has to be there.
fn replace(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "there is no {from} in the shipped configuration");
    text.replace(from, to)
}

fn start_alertmanager(dir: &Path, port: u16, webhook: &str) -> Process {
    let secret = dir.join("webhook-url");
    fs::write(&secret, webhook).expect("the URL's file");
    let config = shortened(&read_shipped("alertmanager/alertmanager.yml"));
    let shipped_secret = "/etc/alertmanager/secrets/webhook-url";
    let config = replace(&config, shipped_secret, &secret.display().to_string());
    let file = dir.join("alertmanager.yml");
    fs::write(&file, config).expect("the configuration");
    let mut command = Command::new(tools::alertmanager());
    command
        .arg(format!("--config.file={}", file.display()))
        .arg(format!("--storage.path={}", dir.join("alertmanager").display()))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .args(["--cluster.listen-address=", "--log.level=debug"])
        .env_clear();
    Process::spawn("alertmanager", &mut command)
}

fn start_prometheus(dir: &Path, (port, alertmanager): (u16, u16), targets: &[&str]) -> Process {
    let rules = dir.join("rules");
    fs::create_dir(&rules).expect("a folder");
    for entry in fs::read_dir(shipped("prometheus/rules")).expect("the rules") {
        let path = entry.expect("an entry").path();
        let text = fs::read_to_string(&path).expect("a file with rules");
        let name = path.file_name().expect("a name");
        fs::write(rules.join(name), shortened(&text)).expect("a file with rules");
    }
    let config = shortened(&read_shipped("prometheus/prometheus.yml"));
    // On a busy machine a scrape may take longer than a sixtieth of the time that it has.
    let config = replace(&config, "scrape_interval: 250ms", "scrape_interval: 500ms");
    let config = replace(&config, "alertmanager:9093", &format!("127.0.0.1:{alertmanager}"));
    let config = replace(&config, "vault-auth-validator:9090", &targets.join(", "));
    let file = dir.join("prometheus.yml");
    fs::write(&file, config).expect("the configuration");
    let mut command = Command::new(tools::prometheus());
    command
        .arg(format!("--config.file={}", file.display()))
        .arg(format!("--storage.tsdb.path={}", dir.join("prometheus").display()))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .args(["--query.lookback-delta=5s", "--rules.alert.resend-delay=1s"])
        .env_clear();
    Process::spawn("prometheus", &mut command)
}

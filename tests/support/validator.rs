//! This project's binary, run as a service manager would run it.

mod bound;

use std::{fs, process::Command, time::Duration};

use serde_json::{Value, json};
use tempfile::TempDir;

use self::bound::Bound;
use super::{
    bao::Bao,
    http::{self, Answer},
    metrics,
    platform::AppRole,
    process::Process,
    tools,
    wait::eventually,
};

/// The time that the validator may take to listen and to be ready.
const TIMEOUT: Duration = Duration::from_secs(15);

/// `vault-auth-validator serve` with all listeners on free ports.
pub struct Validator {
    process: Process,
    under: Vec<String>,
    env: Vec<(String, String)>,
    http: reqwest::Client,
    dir: TempDir,
    bound: Bound,
}

impl Validator {
    /// Starts it against `bao` and waits until it is ready. `env` adds variables or
    /// replaces them: `VAULT_ADDR` puts something between the two.
    ///
    /// # Panics
    /// If it exits or isn't ready in time; the message has its log.
    pub async fn start(bao: &Bao, role: &AppRole, env: &[(&str, &str)]) -> Self {
        let validator = Self::start_unready(bao, role, env).await;
        validator.ready().await;
        validator
    }

    /// Starts it and waits only until it listens.
    ///
    /// # Panics
    /// If it exits instead.
    pub async fn start_unready(bao: &Bao, role: &AppRole, env: &[(&str, &str)]) -> Self {
        let mut validator = Self::spawn(bao, role, env);
        validator.listening().await;
        validator
    }

    /// Starts it without waiting, for configurations that it has to reject.
    pub fn spawn(bao: &Bao, role: &AppRole, env: &[(&str, &str)]) -> Self {
        Self::spawn_under(&[], bao, role, env)
    }

    /// Starts it by a command that executes the program, such as `/usr/bin/taskset -c 0`.
    pub fn spawn_under(under: &[&str], bao: &Bao, role: &AppRole, env: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let secret_id = dir.path().join("secret-id");
        fs::write(&secret_id, &role.secret_id).expect("the secret id's file");
        let mut all = vec![
            ("VALIDATOR_LISTEN".to_owned(), "127.0.0.1:0".to_owned()),
            ("VALIDATOR_API_LISTEN".to_owned(), "127.0.0.1:0".to_owned()),
            ("VALIDATOR_ADMIN_LISTEN".to_owned(), "127.0.0.1:0".to_owned()),
            ("VALIDATOR_LOG".to_owned(), "trace".to_owned()),
            ("VALIDATOR_LOG_FORMAT".to_owned(), "json".to_owned()),
            ("VAULT_ADDR".to_owned(), bao.addr()),
            ("VALIDATOR_ROLE_ID".to_owned(), role.role_id.clone()),
            ("VALIDATOR_SECRET_ID_FILE".to_owned(), secret_id.display().to_string()),
        ];
        all.extend(env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let under: Vec<_> = under.iter().map(|&part| part.to_owned()).collect();
        let process = run(&under, &all);
        Self { process, under, env: all, http: http::client(), dir, bound: Bound::default() }
    }

    /// Returns the process, to signal it or to read its exit status.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Replaces the secret id in the configured file.
    pub fn write_secret_id(&self, secret_id: &str) {
        let path = self.dir.path().join("secret-id");
        fs::write(path, secret_id).expect("the secret id's file");
    }

    /// Kills it and starts it again on the same addresses; waits until it listens.
    ///
    /// # Panics
    /// If it exits instead.
    pub async fn restart(&mut self) {
        self.process.kill();
        let Bound { auth, api, admin } = self.bound.clone();
        let same = [
            ("VALIDATOR_LISTEN", auth),
            ("VALIDATOR_API_LISTEN", api),
            ("VALIDATOR_ADMIN_LISTEN", admin),
        ];
        self.env.extend(same.map(|(name, address)| (name.to_owned(), address)));
        self.process = run(&self.under, &self.env);
        self.listening().await;
    }

    /// `host:port` of the auth listener.
    pub fn auth_address(&self) -> &str {
        &self.bound.auth
    }

    /// URL of the auth listener, without a slash at the end.
    pub fn auth_url(&self) -> String {
        format!("http://{}", self.bound.auth)
    }

    /// URL of the api listener.
    pub fn api_url(&self) -> String {
        format!("http://{}", self.bound.api)
    }

    /// URL of the admin listener.
    pub fn admin_url(&self) -> String {
        format!("http://{}", self.bound.admin)
    }

    /// Returns its stdout and stderr.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Sends a request to `/validate`; `query` is the requirement, without `?`.
    ///
    /// # Panics
    /// If no complete answer comes.
    pub async fn validate(&self, query: &str, headers: &[(&str, &str)]) -> Answer {
        let url = format!("{}/validate?{query}", self.auth_url());
        http::send(&self.http, "GET", &url, headers, None).await.expect("an answer")
    }

    /// Returns the sum of the series with this name and at least these labels, in any order:
    /// `name` or `name{label="value"}`. 0 when there is none.
    ///
    /// # Panics
    /// If `/metrics` doesn't answer.
    pub async fn metric(&self, series: &str) -> f64 {
        let url = format!("{}/metrics", self.admin_url());
        let answer = http::send(&self.http, "GET", &url, &[], None).await.expect("/metrics");
        metrics::sum(&answer.body, series)
    }

    /// Returns the sum of a counter's series, whose value is a whole number.
    ///
    /// # Panics
    /// As [`Validator::metric`].
    pub async fn count(&self, series: &str) -> u64 {
        format!("{:.0}", self.metric(series).await).parse().expect("a count")
    }

    /// Sends a request to the admin listener; a response that is no JSON is null.
    ///
    /// # Panics
    /// If no complete answer comes.
    pub async fn admin(&self, method: &str, path: &str) -> (u16, Value) {
        let url = format!("{}{path}", self.admin_url());
        let answer = http::send(&self.http, method, &url, &[], None).await.expect("an answer");
        (answer.status, serde_json::from_str(&answer.body).unwrap_or(Value::Null))
    }

    /// Waits until `/readyz` is 503 for this reason.
    ///
    /// # Panics
    /// If it isn't in time.
    pub async fn unready(&self, reason: &str) {
        let what = format!("the validator not to be ready: {reason}");
        eventually(TIMEOUT, &what, async || {
            let (status, answer) = self.admin("GET", "/readyz").await;
            let matches = (&answer["ready"], &answer["reason"]) == (&json!(false), &json!(reason));
            (status == 503 && matches).then_some(())
        })
        .await;
    }

    /// Waits until `/readyz` is 200.
    ///
    /// # Panics
    /// If it exits or isn't ready in time.
    pub async fn ready(&self) {
        let url = format!("{}/readyz", self.admin_url());
        let ready = async || {
            self.assert_running();
            let answer = http::send(&self.http, "GET", &url, &[], None).await.ok()?;
            (answer.status == 200).then_some(())
        };
        eventually(TIMEOUT, "the validator to be ready", ready).await;
    }

    /// Waits until it listens.
    ///
    /// # Panics
    /// If it exits instead.
    pub async fn listening(&mut self) {
        let listening = async || {
            self.assert_running();
            Bound::read(&self.process.log())
        };
        self.bound = eventually(TIMEOUT, "the validator to listen", listening).await;
    }

    fn assert_running(&self) {
        if let Some(status) = self.process.exit_status() {
            panic!("the validator exited, {status}:\n{}", self.log());
        }
    }
}

fn run(under: &[String], env: &[(String, String)]) -> Process {
    let program = tools::validator().display().to_string();
    let mut words = under.iter().chain([&program]);
    let mut command = Command::new(words.next().expect("at least the program"));
    command.args(words).arg("serve").env_clear().envs(env.iter().cloned());
    Process::spawn("vault-auth-validator", &mut command)
}

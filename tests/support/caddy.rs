//! A real Caddy with the very configuration of `deploy/caddy/`.

use std::{process::Command, time::Duration};

use tempfile::TempDir;

use super::{
    http::{self, Answer},
    ports::free_port,
    process::Process,
    tools,
    wait::eventually,
};

/// Caddy on one free port, on plain http: `*.crm.localhost` and `api.localhost`, each
/// in front of the same application.
pub struct Caddy {
    process: Process,
    port: u16,
    http: reqwest::Client,
    _home: TempDir,
}

impl Caddy {
    /// Starts it in front of an application, with the validator's auth listener at
    /// `validator`; both are `host:port`. `env` adds variables or replaces them.
    ///
    /// # Panics
    /// When it doesn't come up on any of several ports.
    pub async fn start(validator: &str, application: &str, env: &[(&str, &str)]) -> Self {
        for _ in 0..5 {
            let caddy = Self::spawn(validator, application, env);
            if caddy.comes_up().await {
                return caddy;
            }
            let log = caddy.log();
            assert!(log.contains("address already in use"), "Caddy exited:\n{log}");
        }
        panic!("Caddy found no free port");
    }

    /// `host:port`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// What Caddy has logged, its access log included.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Sends a request for `path` on `host`.
    ///
    /// # Panics
    /// When no complete answer comes.
    pub async fn send(
        &self,
        method: &str,
        host: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Answer {
        let url = format!("http://{}{path}", self.address());
        let headers: Vec<_> = [("host", host)].iter().chain(headers).copied().collect();
        http::send(&self.http, method, &url, &headers, None).await.expect("an answer from Caddy")
    }

    fn spawn(validator: &str, application: &str, env: &[(&str, &str)]) -> Self {
        let home = tempfile::tempdir().expect("a temporary directory");
        let port = free_port();
        let mut command = Command::new(tools::caddy());
        command
            .arg("run")
            .arg("--config")
            .arg(tools::repository("deploy/caddy/Caddyfile"))
            .env_clear()
            .env("HOME", home.path())
            .env("CADDY_GLOBAL", "default_bind 127.0.0.1")
            .env("CRM_ADDRESS", format!("http://*.crm.localhost:{port}"))
            .env("CRM_TENANT_LABEL", "labels.2")
            .env("CRM_UPSTREAM", application)
            .env("API_ADDRESS", format!("http://api.localhost:{port}"))
            .env("API_UPSTREAM", application)
            .env("OTHER_ADDRESS", format!("http://:{port}"))
            .env("VALIDATOR_AUTH", validator)
            .envs(env.iter().copied());
        let process = Process::spawn("caddy", &mut command);
        Self { process, port, http: http::client(), _home: home }
    }

    /// False when the process has exited instead. A request to no site of ours is
    /// refused by the one that takes the rest.
    async fn comes_up(&self) -> bool {
        let url = format!("http://{}/", self.address());
        eventually(Duration::from_secs(20), "Caddy to come up", async || {
            if self.process.exit_status().is_some() {
                return Some(false);
            }
            let answer = http::send(&self.http, "GET", &url, &[], None).await.ok()?;
            (answer.status == 421).then_some(true)
        })
        .await
    }
}

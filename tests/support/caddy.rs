//! A real Caddy with the very configuration of `deploy/caddy/`.

use std::{fs, path::Path, process::Command, time::Duration};

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
        let config = tools::repository("deploy/caddy/Caddyfile");
        Self::run(&config, validator, application, env).await
    }

    /// The same with the guard alone, as an operator would import it: `*.crm.localhost` asks for
    /// this, and nothing of the Caddyfile in `deploy/` is there.
    ///
    /// # Panics
    /// As [`Caddy::start`].
    pub async fn guarding(requirement: &str, validator: &str, application: &str) -> Self {
        let guard = tools::repository("deploy/caddy/guard.caddy");
        let guard = fs::read_to_string(guard).expect("the guard");
        let site =
            format!("import guard \"{requirement}\" {{\n\t\treverse_proxy {{$CRM_UPSTREAM}}\n\t}}");
        Self::with(&guard, &site, validator, application, &[]).await
    }

    /// The same with another guard, and with `site` in the place of all that is in the site.
    ///
    /// # Panics
    /// As [`Caddy::start`].
    pub async fn with(
        guard: &str,
        site: &str,
        validator: &str,
        application: &str,
        env: &[(&str, &str)],
    ) -> Self {
        let text = format!(
            "{{\n\tadmin off\n\t{{$CADDY_GLOBAL}}\n}}\n{guard}\n\
             {{$CADDY_SCHEME}}*.crm.localhost{{$CADDY_PORT}} {{\n\t{site}\n}}\n\
             {{$OTHER_ADDRESS}} {{\n\terror 421\n}}\n"
        );
        let dir = tempfile::tempdir().expect("a temporary directory");
        let config = dir.path().join("Caddyfile");
        fs::write(&config, text).expect("a Caddyfile");
        Self::run(&config, validator, application, env).await
    }

    async fn run(config: &Path, validator: &str, application: &str, env: &[(&str, &str)]) -> Self {
        for _ in 0..5 {
            let caddy = Self::spawn(config, validator, application, env);
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

    fn spawn(config: &Path, validator: &str, application: &str, env: &[(&str, &str)]) -> Self {
        let home = tempfile::tempdir().expect("a temporary directory");
        let port = free_port();
        let mut command = Command::new(tools::caddy());
        command
            .arg("run")
            .arg("--config")
            .arg(config)
            .env_clear()
            .env("HOME", home.path())
            .env("CADDY_GLOBAL", "default_bind 127.0.0.1")
            .env("CADDY_SCHEME", "http://")
            .env("CADDY_PORT", format!(":{port}"))
            .env("DOMAIN", "localhost")
            .env("MIRROR_DOMAIN", "mirror.localhost")
            .env("CRM_UPSTREAM", application)
            .env("API_UPSTREAM", application)
            .env("OTHER_ADDRESS", format!("http://:{port}"))
            .env("AUTH_UPSTREAM", validator)
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
